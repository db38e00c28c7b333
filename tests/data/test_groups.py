"""Rows that share a file: kept together, decoded once, known as one item."""

import json
from collections.abc import Callable
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from sensorium.data import DataConfig, Dataset, Loader, Quarantine, open_splits
from sensorium.data.settings import SPLITS
from sensorium.errors import DataError

QUESTIONS = 5
STILL = {"size": 8, "augment": {"shift": 0}}


@pytest.fixture
def questions(folder: Path) -> Path:
    """Five questions about each of six pictures, in no order."""
    rows = [
        {"image": f"pictures/{picture}.png", "text": f"is number {number} red", "picture": picture}
        for picture in range(6)
        for number in range(QUESTIONS)
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    lines = [json.dumps(rows[number]) for number in order]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def opened(folder: Path, **settings: Any) -> Any:
    train = {"path": "questions.jsonl", "group_by": "picture"}
    config = {"root": str(folder), "train": train, "image": STILL}
    return open_splits(DataConfig(**{**config, **settings}), 0, None)


def pictures_of(data: Dataset, indices: list[int]) -> list[str | None]:
    return [data.describe(index)["image"] for index in indices]


def test_the_rows_of_a_group_come_one_after_the_other(questions: Path) -> None:
    data = opened(questions).train
    orders = [data.order(1, epoch, len(data))[0].tolist() for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(len(data)))
        lengths = [len(list(rows)) for _, rows in groupby(pictures_of(data, order))]
        assert lengths == [QUESTIONS] * 6
    assert len({tuple(order) for order in orders}) == 3
    turns = {tuple(dict.fromkeys(pictures_of(data, order))) for order in orders}
    assert len(turns) == 3, "the groups come in another turn"
    within = {tuple(row for row in order if row in orders[0][:QUESTIONS]) for order in orders}
    assert len(within) == 3, "and so do the rows within"
    again = opened(questions).train
    assert again.order(1, 2, len(data))[0].tolist() == orders[2]


@pytest.mark.parametrize("cache_megabytes", [0, 10])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_knows_which_rows_share_a_picture(
    questions: Path, cache_megabytes: int, workers: int
) -> None:
    data = opened(questions, cache_megabytes=cache_megabytes).train
    quarantine = Quarantine(None, 0, 0)
    loader = Loader(
        data,
        batch_size=2 * QUESTIONS,
        seed=0,
        shuffle=True,
        quarantine=quarantine,
        drop_last=True,
        workers=workers,
    )
    for batch in islice(loader, 6):
        pictures = batch.inputs["image"]
        once, place = pictures.distinct()
        assert len(once.values) == 2
        assert torch.equal(once.values[place], pictures.values)
        named = pictures_of(data, [data.index_of(id) for id in batch.ids])
        assert place.tolist() == [sorted(set(named), key=named.index).index(n) for n in named]


def test_pictures_that_are_changed_at_random_are_not_shared(questions: Path) -> None:
    data = opened(questions, image={"size": 8, "augment": {"shift": 0.25}}).train
    data.prepare()
    loader = Loader(
        data,
        batch_size=10,
        seed=0,
        shuffle=True,
        quarantine=Quarantine(None, 0, 0),
        drop_last=True,
    )
    assert next(iter(loader)).inputs["image"].items is None


def test_what_rows_share_is_kept_in_memory_once(questions: Path) -> None:
    config = {"train": "questions.jsonl", "image": {**STILL, "size": 400}, "cache_megabytes": 3}
    shared = opened(questions, **config).train
    assert shared.in_memory, "six pictures of 480 kB, not thirty"
    alone = opened(questions, **{**config, "cache_megabytes": 0}).train
    assert not alone.in_memory
    for index in range(len(alone)):
        one, other = alone.sample(index, 0), shared.sample(index, 0)
        assert all(torch.equal(one.values[m], other.values[m]) for m in ("image", "text"))


def test_bytes_that_rows_of_a_table_repeat_are_kept_once(questions: Path) -> None:
    content = [(questions / f"pictures/{number}.png").read_bytes() for number in range(2)]
    rows = [
        {"image": {"bytes": content[number % 2], "path": f"{number}.png"}, "text": "x"}
        for number in range(20)
    ]
    pq.write_table(pa.Table.from_pylist(rows), questions / "questions.parquet")
    settings = {"train": "questions.parquet", "image": {**STILL, "size": 400}, "cache_megabytes": 1}
    data = opened(questions, **settings).train
    assert data.in_memory
    values = [data.sample(index, 0).values["image"] for index in range(20)]
    assert len({value.data_ptr() for value in values}) == 2
    assert not torch.equal(values[0], values[1])


def test_how_many_texts_are_cut_counts_every_row(questions: Path) -> None:
    notes = opened(questions, text={"context_tokens": 4}).notes
    assert [note for note in notes if "cut" in note] == [
        "train: 30 texts are longer than data.text.context_tokens=4 and are cut"
    ]


def test_groups_are_held_out_whole(questions: Path) -> None:
    splits = opened(questions, validation_share=0.4)
    ours, theirs = (
        set(pictures_of(data, list(range(len(data))))) for data in (splits.train, splits.validation)
    )
    assert ours
    assert theirs
    assert not ours & theirs
    assert (len(splits.train), len(splits.validation)) == (5 * len(ours), 5 * len(theirs))


def test_rows_without_the_cell_are_groups_of_their_own(
    folder: Path, write: Callable[[Path, list[Any]], None]
) -> None:
    rows = [{"image": "pictures/0.png", "text": "x", "picture": p} for p in (1, None, 1, None)]
    write(folder / "questions.jsonl", rows)
    source = opened(folder).train.source
    assert len({source.group(row) for row in range(4)}) == 3
    assert source.group(0) == source.group(2)


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        ("pictur", r"has no column 'pictur' to group by; did you mean 'picture'\?"),
        ("boxes", r"group_by=boxes expected text or whole numbers, got list"),
    ],
)
def test_a_column_that_says_no_group(
    folder: Path, write: Callable[[Path, list[Any]], None], column: str, problem: str
) -> None:
    write(
        folder / "a.jsonl", [{"image": "pictures/0.png", "text": "x", "picture": 1, "boxes": [1]}]
    )
    with pytest.raises(DataError, match=problem):
        opened(folder, train={"path": "a.jsonl", "group_by": column})


def test_streams_and_sets_to_be_judged_on_are_not_grouped() -> None:
    with pytest.raises(ValueError, match="cannot gather the rows of a stream"):
        DataConfig(train=[{"path": "a", "group_by": "x"}, {"path": "b", "stream": True}])
    for split in SPLITS[1:]:
        with pytest.raises(ValueError, match=f"{split} is read in its own order"):
            DataConfig(train="a", **{split: {"path": "b", "group_by": "x"}})
