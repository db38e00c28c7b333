"""A thing and its box stay together, whatever is done to the picture."""

import io
import json
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from sensorium.batch import ABSENT, Learned
from sensorium.data import DataConfig, Loader, Streamed, StreamLoader, open_splits
from sensorium.data.box_targets import Box, Boxes
from sensorium.data.modalities import Image as ImageModality
from sensorium.data.text import TextConfig, Tokenizer
from sensorium.errors import DataError, FailureBudgetError

WIDTH, HEIGHT = 60, 44
FITS = ({"fit": "crop"}, {"fit": "pad"}, {"fit": "stretch"}, {"fit": "native", "patch_size": 8})
CHANGES: tuple[dict[str, Any], ...] = (
    {"shift": 0.0},
    {"shift": 0.3},
    {"shift": 0.0, "flip": 1.0},
    {"shift": 0.0, "flip_vertical": 1.0},
    {"shift": 0.0, "scale": (0.3, 0.9)},
    {"shift": 0.2, "scale": (0.4, 1.0), "flip": 0.5, "flip_vertical": 0.5, "colour_jitter": 0.2},
)
TOKENIZER = Tokenizer.train(["a"], TextConfig(vocabulary=300))


def painted(box: tuple[int, int, int, int]) -> bytes:
    """A black picture with a white box: left, top, right, bottom."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def seen(picture: Tensor) -> list[float]:
    """The extent of what is white, to half a pixel, by how white its edges are."""
    levels = picture.float().mean(dim=0) / 255
    found = []
    for axis in (0, 1):
        most = levels.amax(dim=axis)
        there = (most > 0.5).nonzero()[:, 0]
        found.append((float(there[0]), float(there[-1]) + 1))
    return [found[0][0], found[1][0], found[0][1], found[1][1]]


@settings(max_examples=150, deadline=None)
@given(
    left=st.integers(0, WIDTH - 20),
    top=st.integers(0, HEIGHT - 16),
    width=st.integers(12, 30),
    height=st.integers(10, 24),
    fit=st.sampled_from(FITS),
    change=st.sampled_from(CHANGES),
    seed=st.integers(0, 99),
)
def test_a_painted_box_and_its_target_stay_together(
    left: int, top: int, width: int, height: int, fit: Any, change: Any, seed: int
) -> None:
    right, bottom = min(left + width, WIDTH), min(top + height, HEIGHT)
    tree = {"image": {"size": 48, "background": "black", "augment": change, **fit}}
    config = DataConfig.model_validate(tree)
    image = ImageModality(config, TOKENIZER)
    medium = image.read(painted((left, top, right, bottom)), Path())
    size = image.size(medium)
    assert size == (HEIGHT, WIDTH)
    picture, view = image.finish_in_view(image.decode(medium), size, Random(seed))
    boxes = Boxes(Learned(["thing"], [1], 1), TOKENIZER, config)
    value = boxes.read([{"box": [left, top, right - left, bottom - top], "label": "thing"}])
    placed = boxes.seen_in(value, view)
    if not len(placed) or (placed[0, 2:4] - placed[0, :2]).min() < 3:
        return  # hardly anything of it is left
    torch.testing.assert_close(placed[0, :4], torch.tensor(seen(picture)), atol=1.6, rtol=0)


def test_what_is_hardly_seen_is_marked_and_what_is_gone_leaves() -> None:
    config = DataConfig.model_validate({"image": {"size": 40, "fit": "crop"}})
    image, boxes = (
        ImageModality(config, TOKENIZER),
        Boxes(Learned(["a"], [3], 1), TOKENIZER, config),
    )
    medium = image.read(painted((0, 0, 5, 5)), Path())
    _, view = image.finish_in_view(image.decode(medium), (HEIGHT, WIDTH), None)
    # the crop takes columns 8 to 52 of 60
    value = boxes.read(
        [{"box": [x, 4, 8, 8], "label": "a"} for x in (0, 2, 6, 20)] + [{"box": [6, 4, 8, 8]}]
    )
    placed = boxes.seen_in(value, view)
    assert placed[:, 5].tolist() == [1, 0, 0]  # 2 of 8 columns are seen, 6, all
    assert placed[:, 0].tolist() == pytest.approx([0, 0, 12 * 40 / 44])
    one = Box(Learned(total=1), TOKENIZER, config)
    assert one.seen_in(torch.tensor([2.0, 4.0, 10.0, 12.0]), view).isnan().all()
    torch.testing.assert_close(
        one.seen_in(torch.tensor([6.0, 4.0, 14.0, 12.0]), view), placed[1, :4]
    )


def test_side_by_side_none_absent_and_some() -> None:
    boxes = Boxes(Learned(["a", "b"], [1, 1], 1), TOKENIZER, DataConfig())
    some = boxes.read([{"box": [1, 2, 3, 4], "label": "b"}, {"box": [0, 0, 9, 9], "label": "a"}])
    batch = boxes.collate([boxes.read([]), boxes.absent, some])
    assert batch.shape == (3, 2, 6)
    assert batch[0, :, 4].tolist() == [ABSENT, ABSENT]
    assert batch[1, 0].isnan().all()
    assert batch[2].tolist() == [[1, 2, 4, 6, 1, 0], [0, 0, 9, 9, 0, 0]]
    assert boxes.collate([boxes.read([])]).shape == (1, 1, 6)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    rows = []
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(painted((10, 10, 30, 30)))
        things = [{"box": [10, 10, 20, 20], "label": "ab"[number % 2]}]
        rows.append({"image": f"{number}.png", "things": things})
    write(tmp_path / "train.jsonl", rows)
    return tmp_path


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def config(folder: Path, **more: Any) -> DataConfig:
    tree = {
        "root": str(folder),
        "train": "train.jsonl",
        "fields": {"image": "image", "boxes": "things"},
        "modalities": ["image"],
        "image": {"size": 32, "fit": "stretch", "augment": {"shift": 0}},
    }
    return DataConfig.model_validate(tree | more)


@pytest.mark.parametrize("cache_megabytes", [0, 10])
def test_a_batch_holds_boxes_and_leads_back_to_the_file(sets: Path, cache_megabytes: int) -> None:
    splits = open_splits(config(sets, cache_megabytes=cache_megabytes), 0, None)
    loader = Loader(
        splits.train,  # type: ignore[arg-type]
        batch_size=4,
        seed=0,
        shuffle=False,
        quarantine=splits.quarantine,
        drop_last=False,
    )
    (batch,) = loader
    assert batch.targets["boxes"].shape == (4, 1, 6)
    across, down = 32 / WIDTH, 32 / HEIGHT
    expected = [10 * across, 10 * down, 30 * across, 30 * down]
    for row, label in enumerate([0, 1, 0, 1]):
        assert batch.targets["boxes"][row, 0].tolist() == pytest.approx([*expected, label, 0])
        assert batch.targets["frame"][row].tolist() == [0, 0, WIDTH, HEIGHT]


def test_faulty_boxes_are_named_and_written_down_and_their_rows_stay(sets: Path) -> None:
    rows = read(sets / "train.jsonl")
    rows[1]["things"] += [{"box": [1, 1, 0, 5], "label": "a"}, {"box": [70, 1, 5, 5], "label": "a"}]
    rows[2]["things"] = [{"box": [50, 1, 20, 5], "label": "a"}]
    write(sets / "train.jsonl", rows)
    splits = open_splits(config(sets), 0, sets / "quarantine.jsonl")
    (note,) = [note for note in splits.notes if "boxes" in note]
    assert note.startswith(
        "train.jsonl: 3 boxes are faulty, and left out or cut; the first: train.jsonl:2: a: box [1,"
    )
    written = read(sets / "quarantine.jsonl")
    assert [line["id"] for line in written] == ["train.jsonl:2", "train.jsonl:2", "train.jsonl:3"]
    assert "lies outside of its picture of 60 x 44" in written[1]["reason"]
    assert "reaches out of its picture of 60 x 44 by 10 pixels" in written[2]["reason"]
    assert len(splits.quarantine) == 0
    assert splits.train is not None
    first, cut = (splits.train.sample(row, 0).targets["boxes"] for row in (1, 2))  # type: ignore[union-attr]
    assert len(first) == 1
    assert cut[0, 2].item() == pytest.approx(32)


@pytest.mark.parametrize("streamed", [False, True])
def test_of_sets_that_are_not_in_memory_faulty_boxes_are_named_as_they_are_read(
    sets: Path, streamed: bool
) -> None:
    rows = read(sets / "train.jsonl")
    rows[1]["things"] += [{"box": [1, 1, 0, 5], "label": "a"}, {"box": [70, 1, 5, 5], "label": "a"}]
    rows[2]["things"] = [{"box": [50, 1, 20, 5], "label": "a"}]
    write(sets / "train.jsonl", rows)
    train = {"path": "train.jsonl", "stream": streamed}
    splits = open_splits(config(sets, train=train, cache_megabytes=0), 0, sets / "quarantine.jsonl")
    made: dict[str, Any] = {"batch_size": 4, "quarantine": splits.quarantine}
    if isinstance(splits.train, Streamed):
        batches: Any = StreamLoader(splits.train, **made)
    else:
        batches = Loader(splits.train, seed=0, shuffle=True, drop_last=True, **made)  # type: ignore[arg-type]
    assert [len(batch) for batch in islice(batches, 3)] == [4, 4, 4]  # each is named once
    assert sorted((line["id"], line["reason"]) for line in read(sets / "quarantine.jsonl")) == [
        ("train.jsonl:2", "a: box [1, 1, 0, 5] has no area"),
        (
            "train.jsonl:2",
            "box [70, 1, 75, 6] (left, top, right, bottom) lies outside of its picture of 60 x 44",
        ),
        (
            "train.jsonl:3",
            "box [50, 1, 70, 6] (left, top, right, bottom) reaches out of its picture of 60 x 44 "
            "by 10 pixels",
        ),
    ]


def test_the_box_of_a_phrase_that_lies_outside_is_named(sets: Path) -> None:
    rows = [{**row, "text": "it", "place": [4, 4, 9, 9]} for row in read(sets / "train.jsonl")]
    rows[3]["place"] = [70, 1, 5, 5]
    write(sets / "train.jsonl", rows)
    fields = {"image": "image", "text": "text", "box": "place"}
    splits = open_splits(config(sets, fields=fields, modalities=None), 0, None)
    (flaw,) = splits.quarantine.flaws()
    assert flaw.id == "train.jsonl:4"
    assert "box [70, 1, 75, 6] (left, top, right, bottom) lies outside" in flaw.reason


def test_a_class_that_training_has_not_is_refused_by_name(sets: Path) -> None:
    rows = read(sets / "train.jsonl")
    write(sets / "test.jsonl", [{**rows[0], "things": [{"box": [1, 1, 5, 5], "label": "bb"}]}])
    with pytest.raises(FailureBudgetError, match="boxes: 'bb' is no class of the training set"):
        open_splits(config(sets, test="test.jsonl"), 0, None)


def test_no_boxes_are_a_sample_and_no_cell_is_broken(sets: Path) -> None:
    rows = read(sets / "train.jsonl")
    rows[0]["things"] = []
    del rows[1]["things"]
    write(sets / "train.jsonl", rows)
    splits = open_splits(config(sets, failure_budget=0.5), 0, None)
    assert [one.reason for one in splits.quarantine.broken()] == [
        "no boxes: column 'things' is empty"
    ]
    assert splits.train.sample(0, 0).targets["boxes"].shape == (0, 6)  # type: ignore[union-attr]


def test_where_no_box_can_be_read_the_column_is_named(sets: Path) -> None:
    rows = read(sets / "train.jsonl")
    write(sets / "train.jsonl", [{**row, "things": [[1, 2, 3, 4]]} for row in rows])
    with pytest.raises(
        DataError,
        match=r"has any boxes: column 'things' holds none .*: expected .*, got \[1, 2, 3, 4\]\)",
    ):
        open_splits(config(sets), 0, None)
