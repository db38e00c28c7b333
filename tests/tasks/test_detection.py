"""Detection: its loss by its definition, what it counts, what it tells, and that it learns."""

from dataclasses import replace

import pytest
import torch
from tests.conftest import IMAGE_SIZE, LEARNED, small_batch, small_mixture, small_model

from sensorium.batch import Batch, Inputs
from sensorium.encoders import EncodersConfig
from sensorium.model import ModelConfig
from sensorium.tasks.detection import Detection, DetectionConfig
from sensorium.tasks.detection_loss import quality_focal_loss
from sensorium.tasks.task import Encoded, TaskConfig

NOTHING = torch.tensor([[0.0, 0.0, 0.0, 0.0, -1.0, 0.0]])


def task_and_model():
    mixture = small_mixture("detection")
    task = mixture.tasks["detection"]
    assert isinstance(task, Detection)
    return task, mixture.model


def with_boxes(batch: Batch, *boxes: list[list[float]]) -> Batch:
    """Each picture's boxes: left, top, right, bottom, class, crowd."""
    most = max(1, *map(len, boxes))
    rows = [
        torch.cat([torch.tensor(own).view(-1, 6), NOTHING.expand(most - len(own), 6)])
        for own in boxes
    ]
    return replace(batch, targets=batch.targets | {"boxes": torch.stack(rows)})


def loss_of(task, model, batch):
    encoded = Encoded(model.encode(batch))
    return task.loss(model, encoded, batch, torch.Generator())


def test_quality_focal_loss_is_its_formula():
    logits, wanted = torch.randn(50).double(), torch.rand(50).double()
    p = 1 / (1 + (-logits).exp())
    bce = -(wanted * p.log() + (1 - wanted) * (1 - p).log())
    torch.testing.assert_close(quality_focal_loss(logits, wanted), (wanted - p) ** 2 * bce)
    sure = torch.tensor([20.0, -20.0])
    assert quality_focal_loss(sure, (sure > 0).float()).max() < 1e-8


def test_boxes_are_counted_and_pictures_without_any_count_as_one():
    task, _ = task_and_model()
    batch = with_boxes(
        small_batch(4, image=[True, True, True, False]),
        [[1, 1, 5, 5, 0, 0], [6, 6, 9, 9, 1, 0]],
        [],
        [[1, 1, 5, 5, 0, 1]],  # a crowd is nothing to be found
        [[1, 1, 5, 5, 0, 0]],  # no picture
    )
    assert task.count(batch) == 2 + 1 + 1
    batch.targets["boxes"][0, 0] = torch.nan  # nobody knows
    assert task.count(batch) == 2


def test_a_picture_without_boxes_teaches_that_there_is_nothing():
    task, model = task_and_model()
    batch = with_boxes(small_batch(2), [], [])
    loss = loss_of(task, model, batch)
    raw, _ = task.look(Encoded(model.encode(batch)), batch, torch.arange(2))
    expected = quality_focal_loss(raw.logits, torch.zeros_like(raw.logits)).sum()
    torch.testing.assert_close(loss.total, expected)
    loss.total.backward()
    assert task.head.logits.weight.grad.abs().sum() > 0
    assert not task.head.distances.weight.grad.any()


def test_what_is_said_in_a_crowd_is_not_wrong():
    task, model = task_and_model()
    batch = small_batch(1)
    everywhere = [[0, 0, IMAGE_SIZE, IMAGE_SIZE, 0, 1]]
    assert loss_of(task, model, with_boxes(batch, everywhere)).total == 0
    assert loss_of(task, model, with_boxes(batch, [])).total > 0


def test_padding_of_pictures_changes_nothing():
    """Two pictures of different shapes, side by side and each alone."""
    task, model = task_and_model()
    model.eval()
    small = torch.randint(0, 256, (1, 3, 8, 12), dtype=torch.uint8)
    large = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    padded = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    padded[0, :, :8, :12], padded[1] = small[0], large[0]
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    mask[0, :2, :3], mask[1] = True, True
    there = torch.ones(2, dtype=torch.bool)
    boxes = torch.tensor([[[1.0, 1, 7, 7, 0, 0]], [[2.0, 2, 13, 14, 1, 0]]])
    together = Batch(["a", "b"], {"image": Inputs(padded, mask, there)}, {"boxes": boxes})
    alone = [
        Batch(["a"], {"image": Inputs(one, None, there[:1])}, {"boxes": boxes[row : row + 1]})
        for row, one in enumerate((small, large))
    ]
    whole = loss_of(task, model, together).total
    torch.testing.assert_close(whole, sum(loss_of(task, model, one).total for one in alone))
    rows = torch.arange(2)
    found = task.find(Encoded(model.encode(together)), together, rows)
    for row, one in enumerate(alone):
        (own,) = task.find(Encoded(model.encode(one)), one, rows[:1])
        torch.testing.assert_close(found[row], own)


def test_boxes_are_told_in_pixels_of_the_file():
    task, model = task_and_model()
    task.config = DetectionConfig(told_from=0.0, most=3)
    batch = small_batch(2, image=[True, False])
    nothing, (told, absent) = None, task.tell(model, Encoded(model.encode(batch)), batch)
    assert absent is nothing
    assert len(told["boxes"]) == len(told["labels"]) == len(told["scores"]) == 3
    assert told["scores"] == sorted(told["scores"], reverse=True)
    assert set(told["labels"]) <= set(LEARNED["boxes"].names)
    frame = torch.tensor([[100.0, 50.0, 100 + 2 * IMAGE_SIZE, 50 + 3 * IMAGE_SIZE]] * 2)
    framed = replace(batch, targets=batch.targets | {"frame": frame})
    (there, _) = task.tell(model, Encoded(model.encode(batch)), framed)
    for box, in_file in zip(told["boxes"], there["boxes"], strict=True):
        left, top, right, bottom = box
        expected = [100 + 2 * left, 50 + 3 * top, 100 + 2 * right, 50 + 3 * bottom]
        assert in_file == pytest.approx(expected, abs=0.05)


def test_places_are_those_of_the_maps():
    for levels in ((-1, 0, 1), (0,), (2,)):
        model = small_model()
        task = Detection(DetectionConfig(width=8, levels=levels), model, LEARNED)
        batch = small_batch(1)
        raw, places = task.look(Encoded(model.encode(batch)), batch, torch.arange(1))
        assert raw.logits.shape[1] == raw.boxes.shape[1] == len(places)
        middle = (raw.boxes[0, :, :2] + raw.boxes[0, :, 2:]) / 2
        torch.testing.assert_close(middle, places, atol=8.0, rtol=0)


def test_it_learns_a_few_pictures_by_heart():
    torch.manual_seed(0)
    encoders = {
        "image": {"width": 32, "depth": 1, "heads": 2, "patch_size": 4, "stem_widths": [16]}
    }
    model = small_model(ModelConfig(encoders=EncodersConfig.model_validate(encoders)))
    mixture = small_mixture("detection", model=model)
    pixels = torch.zeros(4, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.uint8)
    boxes = [[[2, 2, 8, 8, 0, 0]], [[7, 5, 14, 12, 1, 0]], [[1, 9, 7, 15, 1, 0]], []]
    for row, own in enumerate(boxes):
        for left, top, right, bottom, label, _ in own:
            pixels[row, label, top:bottom, left:right] = 255
    batch = with_boxes(
        Batch(list("abcd"), {"image": Inputs(pixels, None, torch.ones(4, dtype=torch.bool))}),
        *boxes,
    )
    optimizer = torch.optim.AdamW(mixture.parameters(), lr=3e-3)
    draw = torch.Generator()
    for _ in range(120):
        loss = mixture(batch, draw)["detection"].total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        (predictions,), _ = mixture.eval().predict(batch, draw)
    figures = mixture.tasks["detection"].metrics(predictions["detection"])
    assert figures["map_50"] > 0.95
    assert figures["map"] > 0.6


def test_levels_are_checked_and_a_picture_is_needed():
    with pytest.raises(ValueError, match="expected different levels from -3 to 3"):
        DetectionConfig(levels=(0, 0))
    with pytest.raises(ValueError, match="expected different levels"):
        DetectionConfig(levels=(4,))
    config: TaskConfig = DetectionConfig()
    assert list(config.problems(["text"])) == [
        "needs the modality image, but model.encoders has only text"
    ]
