"""Grounding: the box that words mean, its loss, and what the picture alone gives away."""

from dataclasses import replace

import pytest
import torch
from tests.conftest import IMAGE_SIZE, small_batch, small_mixture, small_model

from sensorium.batch import Batch, Inputs
from sensorium.tasks.boxes import generalised_iou
from sensorium.tasks.grounding import Grounding, GroundingConfig, likeliest_box
from sensorium.tasks.task import Encoded


@pytest.fixture
def grounding():
    mixture = small_mixture("grounding").eval()
    task = mixture.tasks["grounding"]
    assert isinstance(task, Grounding)
    return task, mixture.model


def test_the_loss_is_its_formula(grounding):
    task, model = grounding
    box = torch.tensor([[0.0, 0.0, 8.0, 4.0]])  # of 4 x 4 places the first two
    batch = small_batch(1)
    batch = replace(batch, targets={"box": box})
    encoded = Encoded(model.encode(batch))
    said = task.look(model, encoded, batch, torch.arange(1))
    p = said.logits[0].exp() / said.logits[0].exp().sum()
    away = 1 - generalised_iou(said.boxes[0, :2], box.expand(2, 4))
    expected = -(p[0] + p[1]).log() + 2 * away.mean()
    torch.testing.assert_close(task.loss(model, encoded, batch, torch.Generator()).total, expected)


def test_only_samples_with_picture_words_and_box_count(grounding):
    task, _ = grounding
    batch = small_batch(4, image=[True, True, False, True], text=[True, False, True, True])
    batch.targets["box"][3] = torch.nan
    assert task.count(batch) == 1
    assert task.count(batch.without("text")) == 0
    assert task.count(replace(batch, targets={})) == 0


def test_words_change_what_is_said_and_without_them_it_is_the_same(grounding):
    task, model = grounding
    one, rows = small_batch(2), torch.arange(2)
    other = small_batch(2, seed=1)
    swapped = replace(one, inputs=one.inputs | {"text": other.inputs["text"]})
    looks = [
        [
            task.look(model, Encoded(model.encode(b)), b, rows, blind=blind).logits
            for blind in (False, True)
        ]
        for b in (one, swapped)
    ]
    assert not torch.allclose(looks[0][0], looks[1][0])
    torch.testing.assert_close(looks[0][1], looks[1][1])


def test_figures_stand_beside_what_needs_no_words(grounding):
    task, model = grounding
    batch = small_batch(3)
    truth = batch.targets["boxes"]
    predictions = task.predict(model, Encoded(model.encode(batch)), batch, torch.Generator())
    figures = task.metrics(predictions)
    assert figures.keys() == {"accuracy", "iou", "accuracy_without_text", "accuracy_largest_object"}
    right = predictions | {"box": predictions["truth"]}
    assert task.metrics(right)["accuracy"] == task.metrics(right)["iou"] == 1
    largest = replace(batch, targets=batch.targets | {"box": truth[:, 0, :4]})
    largest.targets["boxes"] = truth[:, :1]
    predictions = task.predict(model, Encoded(model.encode(batch)), largest, torch.Generator())
    assert task.metrics(predictions)["accuracy_largest_object"] == 1
    alone = replace(batch, targets={"box": batch.targets["box"]})
    predictions = task.predict(model, Encoded(model.encode(batch)), alone, torch.Generator())
    assert "accuracy_largest_object" not in task.metrics(predictions)


def test_a_box_is_told_in_pixels_of_the_file(grounding):
    task, model = grounding
    batch = small_batch(3, text=[True, False, True])
    frame = torch.tensor([[0.0, 0.0, 2.0 * IMAGE_SIZE, 4.0 * IMAGE_SIZE]] * 3)
    framed = replace(batch, targets={"frame": frame})
    encoded = Encoded(model.encode(batch))
    told = task.tell(model, encoded, framed)
    assert told[1] is None
    said = task.look(model, encoded, batch, torch.tensor([0, 2]))
    for one, box in zip((told[0], told[2]), likeliest_box(said), strict=True):
        assert one["box"] == pytest.approx((box * torch.tensor([2, 4, 2, 4])).tolist(), abs=0.01)
        assert 0 < one["score"] <= 1
    assert task.tell(model, encoded, framed.without("text")) == [None] * 3


def test_padding_beside_a_picture_is_never_meant():
    mixture = small_mixture("grounding", model=small_model()).eval()
    task, model = mixture.tasks["grounding"], mixture.model
    batch = small_batch(1)
    pixels = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    pixels[:, :, :8, :12] = batch.inputs["image"].values[:, :, :8, :12]
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :2, :3] = True
    there = torch.ones(1, dtype=torch.bool)
    padded = Batch(["a"], {"image": Inputs(pixels, mask, there), "text": batch.inputs["text"]}, {})
    alone = replace(
        padded, inputs=padded.inputs | {"image": Inputs(pixels[:, :, :8, :12], None, there)}
    )
    rows = torch.arange(1)
    said, expected = (task.look(model, Encoded(model.encode(b)), b, rows) for b in (padded, alone))
    assert (said.logits.isfinite() == mask.flatten(1)).all()
    torch.testing.assert_close(said.logits[mask.flatten(1)], expected.logits[0])
    torch.testing.assert_close(said.boxes[mask.flatten(1)], expected.boxes[0])


def test_a_picture_and_words_are_needed():
    assert list(GroundingConfig().problems(["image"])) == [
        "needs the modality text, but model.encoders has only image"
    ]
    assert list(GroundingConfig().problems(["image", "text"])) == []
