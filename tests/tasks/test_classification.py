"""Classification: its loss against torch's, what it reads, and figures of known predictions."""

import math

import pytest
import torch
import torch.nn.functional as F
from tests.conftest import LEARNED, small_batch, small_model, small_model_config

from sensorium.batch import ABSENT, Learned
from sensorium.model import Model
from sensorium.tasks.classification import Classification, ClassificationConfig
from sensorium.tasks.task import Encoded

SEVERAL = {"labels": Learned(["soft", "small", "grey"], [6, 2, 0], 8)}


def classification(model: Model, learned=LEARNED, **config) -> Classification:
    torch.manual_seed(1)
    return Classification(ClassificationConfig(**config), model, learned).eval()


def test_the_loss_is_the_cross_entropy_of_the_labelled_samples(model, generator):
    task, batch = classification(model), small_batch(5)
    batch.targets["label"][1] = ABSENT
    assert task.count(batch) == 4
    loss = task.loss(model, Encoded(model.encode(batch)), batch, generator)
    logits = task.head(model(batch).fused.vector)
    expected = F.cross_entropy(logits, batch.targets["label"], ignore_index=ABSENT, reduction="sum")
    torch.testing.assert_close(loss.total, expected)
    assert loss.correct == (logits.argmax(1) == batch.targets["label"]).sum()


def test_balanced_classes_count_alike(model, generator):
    plain, balanced = (classification(model, class_weights=how) for how in (None, "balanced"))
    weights = [10 / (3 * rows) for rows in LEARNED["label"].rows]
    assert balanced.weights.tolist() == pytest.approx(weights)
    batch = small_batch(6)
    batch.targets["label"][:] = torch.tensor([0, 1, 2, 0, 1, 2])
    encoded = Encoded(model.encode(batch))
    for row, label in enumerate(batch.targets["label"].tolist()):
        one = batch.rows(torch.tensor([row]))
        alone = Encoded({m: e.rows(torch.tensor([row])) for m, e in encoded.encodings.items()})
        losses = [task.loss(model, alone, one, generator).total for task in (plain, balanced)]
        torch.testing.assert_close(losses[1], losses[0] * weights[label])


def test_label_smoothing_is_torchs(model, generator):
    task, batch = classification(model, label_smoothing=0.2), small_batch(4)
    loss = task.loss(model, Encoded(model.encode(batch)), batch, generator)
    logits = task.head(model(batch).fused.vector)
    expected = F.cross_entropy(logits, batch.targets["label"], label_smoothing=0.2, reduction="sum")
    torch.testing.assert_close(loss.total, expected)


def several_batch():
    batch = small_batch(4)
    targets = torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 1, 0], [math.nan] * 3])
    batch.targets["labels"] = targets
    return batch


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_several_classes_are_told_one_by_one(model, generator, smoothing):
    task, batch = classification(model, SEVERAL, label_smoothing=smoothing), several_batch()
    assert task.count(batch) == 3
    loss = task.loss(model, Encoded(model.encode(batch)), batch, generator)
    logits = task.head(model(batch).fused.vector)[:3]
    truth = batch.targets["labels"][:3] * (1 - smoothing) + smoothing / 2
    expected = F.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / 3
    torch.testing.assert_close(loss.total, expected)
    assert 0 <= loss.correct <= 3


def test_balanced_weights_of_several_classes(model):
    task = classification(model, SEVERAL, class_weights="balanced")
    assert task.weights.tolist() == pytest.approx([2 / 6, 6 / 2, 1.0])


@pytest.mark.parametrize("fusion", [True, False])
def test_one_modality_can_be_read_alone(fusion, generator):
    config = small_model_config()
    model = small_model(config if fusion else config.model_copy(update={"fusion": None})).eval()
    task = classification(model, modality="image")
    batch = small_batch(4, image=[True, False, True, True], text=[False, True, True, True])
    assert task.count(batch) == 3
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    pooled = model.encode(batch)["image"].pooled[[0, 2, 3]]
    torch.testing.assert_close(predicted["logits"], task.head(pooled))
    assert predicted["truth"].tolist() == batch.targets["label"][[0, 2, 3]].tolist()


def test_without_a_fusion_the_only_modality_is_read(generator):
    config = small_model_config(modalities=("image",)).model_copy(update={"fusion": None})
    model = small_model(config).eval()
    task, batch = classification(model), small_batch(3)
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    torch.testing.assert_close(predicted["logits"], task.head(model.encode(batch)["image"].pooled))


def test_what_a_model_lacks_is_a_problem():
    config = ClassificationConfig(modality="audio")
    (problem,) = config.problems(["image", "text"])
    assert problem == "reads the modality audio, but model.encoders has only image, text"
    (problem,) = ClassificationConfig().problems_without_fusion(["image", "text"])
    assert problem.startswith(
        "reads what is fused of image, text, but model.fusion is not set; set"
    )
    assert not list(
        ClassificationConfig(modality="text").problems_without_fusion(["image", "text"])
    )
    assert not list(ClassificationConfig().problems_without_fusion(["image"]))


def test_figures_of_one_class(model):
    task = classification(model)
    logits = torch.tensor([[2.0, 1, 0], [2, 1, 0], [0, 2, 1], [0, 2, 1]])
    figures = task.metrics({"logits": logits, "truth": torch.tensor([0, 1, 1, 2])})
    assert figures.keys() == {"accuracy", "f1_macro", "accuracy_majority", "calibration_error"}
    assert figures["accuracy"] == 0.5
    assert figures["accuracy_majority"] == 0.25  # class 0 has most rows to train on
    assert figures["f1_macro"] == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_of_very_many_classes_f1_has_no_tally(model, monkeypatch):
    logits = torch.tensor([[2.0, 1, 0], [2, 1, 0], [0, 2, 1], [0, 2, 1]])
    predictions = {"logits": logits, "truth": torch.tensor([0, 1, 1, 2])}
    task = classification(model)
    figures = task.metrics(predictions)
    monkeypatch.setattr("sensorium.tasks.class_figures.MOST_TALLIED", 10)
    assert "f1_macro" not in task.tallies(predictions)
    assert task.metrics(predictions) == pytest.approx(figures)


def test_of_many_classes_the_first_five_are_looked_at(model):
    learned = {"label": Learned([str(n) for n in range(7)], [1] * 7, 7)}
    logits = torch.arange(7.0).repeat(7, 1)
    figures = classification(model, learned).metrics({"logits": logits, "truth": torch.arange(7)})
    assert figures["accuracy"] == pytest.approx(1 / 7)
    assert figures["top_5_accuracy"] == pytest.approx(5 / 7)


def test_figures_of_several_classes(model):
    logits = torch.tensor([[3.0, -1, -1], [2, 1, -1], [1, -2, -1], [-1, 2, -1]])
    truth = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0]])
    figures = classification(model, SEVERAL).metrics({"logits": logits, "truth": truth})
    assert figures["accuracy"] == pytest.approx(10 / 12)
    assert figures["exact_accuracy"] == 0.5
    assert figures["f1_macro"] == pytest.approx((4 / 5 + 4 / 5) / 2)  # nobody has the third
    first = (1 / 1 + 2 / 3) / 2  # right at ranks 1 and 3
    second = (1 / 1 + 2 / 2 + 3 / 4) / 3
    assert figures["average_precision"] == pytest.approx((first + second) / 2)
    assert figures["accuracy_majority"] == pytest.approx((2 + 1 + 4) / 12)


def test_samples_of_one_score_have_no_order(model):
    logits = torch.tensor([[1.0, -1, -1], [1, -1, -1]])
    for truth in ([[1.0, 0, 0], [0, 0, 0]], [[0.0, 0, 0], [1, 0, 0]]):
        predictions = {"logits": logits, "truth": torch.tensor(truth)}
        assert classification(model, SEVERAL).metrics(predictions)["average_precision"] == 0.5
