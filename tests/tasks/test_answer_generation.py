from dataclasses import replace

import pytest
import torch
from tests.conftest import LEARNED, PAD, TASK_SETTINGS, WORDS, small_batch, small_model

from sensorium.batch import ABSENT
from sensorium.tasks.answer_generation import AnswerGeneration, AnswerGenerationConfig
from sensorium.tasks.answers import comparable
from sensorium.tasks.task import Encoded


def task_and_model():
    model = small_model().eval()
    config = AnswerGenerationConfig.model_validate(TASK_SETTINGS["answer_generation"])
    return AnswerGeneration(config, model, WORDS, LEARNED).eval(), model


def predictions_of(task, model, batch, generator):
    with torch.no_grad():
        return task.predict(model, Encoded(model.encode(batch)), batch, generator)


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ("The Two dogs.", "2 dogs"),
        ("none", "0"),
        ("a", "a"),
        ("yes!", "yes"),
        ("红色。", "红 色"),
        ("", ""),
    ],
)
def test_answers_are_compared_without_what_does_not_count(answer, same):
    assert comparable(answer) == same


def test_a_question_without_an_answer_and_an_answer_without_a_question_are_left_out(generator):
    task, model = task_and_model()
    batch = small_batch(4, text=[True, True, False, True])
    batch.targets["answer_tokens"][0] = PAD
    real = batch.targets["answer_tokens"] != PAD
    assert task.count(batch) == real[[1, 3]].sum() - 2  # the start is not asked for
    loss = task.loss(model, Encoded(model.encode(batch)), batch, generator).total
    kept = batch.rows(torch.tensor([1, 3]))
    own = task.loss(model, Encoded(model.encode(kept)), kept, generator).total
    torch.testing.assert_close(loss, own)
    assert task.count(batch.without("text")) == 0
    nobody = torch.full_like(batch.targets["answer_tokens"], PAD)
    assert task.count(replace(batch, targets={"answer_tokens": nobody})) == 0


def test_question_and_picture_are_both_seen(generator):
    task, model = task_and_model()
    batch, other = small_batch(4, seed=0), small_batch(4, seed=1)
    encoded, swapped = model.encode(batch), model.encode(other)

    def loss_with(**changed) -> float:
        seen = Encoded(encoded | changed)
        return task.loss(model, seen, batch, generator).total.item()

    for modality in ("text", "image"):
        assert loss_with(**{modality: swapped[modality]}) != pytest.approx(loss_with(), abs=1e-4)


def test_blind_is_the_question_alone(generator):
    task, model = task_and_model()
    batch = small_batch(4)
    predicted = predictions_of(task, model, batch, generator)
    without = predictions_of(task, model, batch.without("image"), generator)
    for what in ("said", "log probability"):
        torch.testing.assert_close(without[what], predicted[f"{what} blind"])
    assert not torch.equal(predicted["log probability"], predicted["log probability blind"])


def test_figures(generator):
    task, model = task_and_model()
    batch = small_batch(5, text=[True, True, True, True, False])
    batch.targets["question_type"][:] = torch.tensor([0, 0, 1, ABSENT, 1])
    predicted = predictions_of(task, model, batch, generator)
    said = predicted["right words"].clone()
    said[1] = said[0]
    figures = task.metrics(predicted | {"said": said})
    assert figures["accuracy"] == 3 / 4
    assert figures["accuracy_of_count"] == 1 / 2
    assert figures["accuracy_of_is it"] == 1.0
    assert figures["accuracy_majority_of_count"] == 1 / 2
    assert figures["accuracy_majority"] == 0.0  # "yes" is no word of these
    assert {"accuracy_without_image", "perplexity", "perplexity_without_image"} <= figures.keys()


def test_the_commonest_answer_of_training_is_what_the_majority_says(generator):
    task, model = task_and_model()
    assert task.commonest == "yes"
    batch = small_batch(4)
    task.commonest = comparable(task.text_of(batch.targets["answer_tokens"][2]))
    assert task.metrics(predictions_of(task, model, batch, generator))["accuracy_majority"] == 1 / 4


def test_what_is_written_stands_beside_question_and_answer(generator):
    task, model = task_and_model()
    batch = small_batch(3, text=[True, False, True])
    predicted = predictions_of(task, model, batch, generator)
    written = task.written(predicted | {"said": predicted["right words"]})
    assert [one.row for one in written] == [0, 2]
    assert [one.score for one in written] == [1.0, 1.0]
    for one, ids in zip(written, batch.inputs["text"].values, strict=True):
        assert one.asked == task.text_of(ids)
        assert one.references == (task.text_of(batch.targets["answer_tokens"][one.row]),)


def test_an_answer_is_as_right_as_many_gave_it(generator):
    """In two batches, one of which has fewer answers of each question."""
    task, model = task_and_model()
    whole = small_batch(4, text=[True, True, False, True])
    own = whole.targets["answer_tokens"]
    nothing = torch.full_like(own, PAD)
    other = own.roll(1, 0)
    answers = torch.stack([own, other, other, own, nothing], dim=1)  # two of four
    answers[1, 1:] = PAD  # the only one
    batches = [whole.rows(torch.tensor(rows)) for rows in ([0, 1], [2, 3])]
    batches[0].targets["answers_tokens"] = answers[:2]
    batches[1].targets["answers_tokens"] = answers[2:, :4]
    parts = [predictions_of(task, model, batch, generator) for batch in batches]
    joined = {what: torch.cat([part[what] for part in parts]) for what in parts[0]}
    figures = task.metrics(joined | {"said": joined["right words"]})
    assert figures["soft_accuracy"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert figures["accuracy"] == 1.0
    assert "soft_accuracy" not in task.metrics(predictions_of(task, model, whole, generator))
