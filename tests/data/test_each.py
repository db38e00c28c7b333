"""The items of lists as rows with ids of their own, of tables and streams."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensorium.data import DataConfig, DataSplits, Loader, StreamLoader, open_splits
from sensorium.errors import DataError

Write = Callable[[Path, list[Any]], None]

ASKED = [
    {
        "image": "pictures/0.png",
        "questions": [{"ask": "what colour", "say": "red"}, {"ask": "how many", "say": "one"}],
    },
    {"image": "pictures/1.png", "questions": []},
    {"image": "pictures/2.png"},
    {"image": "pictures/3.png", "questions": [{"ask": "what colour", "say": "grey"}]},
]
IDS = ["train.jsonl:1/1", "train.jsonl:1/2", "train.jsonl:4/1"]


def config(folder: Path, path: str = "train.jsonl", **settings: Any) -> DataConfig:
    tree: dict[str, Any] = {"root": str(folder), "image": {"size": 8}, "failure_budget": 1.0}
    tree["fields"] = {"image": "image", "text": "ask", "answer": "say"}
    place = {"path": path, "each": "questions"} | settings.pop("place", {})
    return DataConfig.model_validate({**tree, "train": place, **settings})


def only_batch(splits: DataSplits) -> Any:
    settings = {"batch_size": 99, "seed": 0, "shuffle": False, "drop_last": False}
    return next(iter(Loader(splits.train, quarantine=splits.quarantine, **settings)))


@pytest.mark.parametrize("cache_megabytes", [0, 10])
def test_every_item_is_a_row(folder: Path, write: Write, cache_megabytes: int) -> None:
    write(folder / "train.jsonl", ASKED)
    splits = open_splits(config(folder, cache_megabytes=cache_megabytes), 0, None)
    batch = only_batch(splits)
    assert list(batch.ids) == IDS
    decode = splits.tokenizer.decode
    asked = [decode(ids) for ids in batch.inputs["text"].values]
    assert asked == ["what colour", "how many", "what colour"]
    assert [decode(ids) for ids in batch.targets["answer_tokens"]] == ["red", "one", "grey"]
    pictures = batch.inputs["image"].values
    assert (pictures[0] == pictures[1]).all()
    assert not (pictures[0] == pictures[2]).all()
    assert splits.train.describe(2)["id"] == IDS[2]


def test_items_may_be_texts(folder: Path, write: Write) -> None:
    rows = [{"image": "pictures/0.png", "captions": ["a", "b"]}]
    write(folder / "train.jsonl", rows)
    settings = {"place": {"each": "captions"}, "fields": {"image": "image", "text": "captions"}}
    splits = open_splits(config(folder, **settings), 0, None)
    texts = [splits.tokenizer.decode(ids) for ids in only_batch(splits).inputs["text"].values]
    assert texts == ["a", "b"]


def test_a_stream_gives_the_same_rows(folder: Path, write: Write) -> None:
    write(folder / "train.jsonl", [*ASKED, "{not JSON", {"image": "x", "questions": "none"}])
    splits = open_splits(config(folder, place={"stream": True, "window_rows": 2}), 0, None)
    loader = StreamLoader(splits.train, batch_size=5, quarantine=splits.quarantine)
    batches = iter(loader)
    seen = Counter(id for _ in range(4) for id in next(batches).ids)
    assert seen == dict.fromkeys(IDS, 4)
    reasons = {one.id: one.reason for one in splits.quarantine.broken()}
    assert reasons.keys() == {"train.jsonl:5", "train.jsonl:6"}
    assert reasons["train.jsonl:6"] == "each: expected a list in column 'questions', got str"


def test_a_stream_goes_on_where_it_was_left(folder: Path, write: Write) -> None:
    write(folder / "train.jsonl", ASKED * 3)

    def ids(skip: int) -> list[list[str]]:
        splits = open_splits(config(folder, place={"stream": True, "window_rows": 4}), 0, None)
        loader = StreamLoader(splits.train, batch_size=2, quarantine=splits.quarantine)
        batches = iter(loader)
        for _ in range(skip):
            next(batches)
        state = loader.state()
        again = StreamLoader(splits.train, batch_size=2, quarantine=splits.quarantine)
        again.restore(state)
        rest = iter(again)
        return [list(next(rest).ids) for _ in range(6 - skip)]

    whole = ids(0)
    assert [ids(skip) for skip in range(1, 6)] == [whole[skip:] for skip in range(1, 6)]


def test_a_cell_that_is_no_list_is_broken(folder: Path, write: Write) -> None:
    write(folder / "train.jsonl", [*ASKED, {"image": "pictures/4.png", "questions": {"ask": "x"}}])
    splits = open_splits(config(folder), 0, None)
    assert [(one.id, one.reason) for one in splits.quarantine.broken()] == [
        ("train.jsonl:5", "each: expected a list in column 'questions', got dict")
    ]
    assert len(splits.train) == 3


@pytest.mark.parametrize("stream", [False, True])
def test_a_column_that_is_not_there_is_named(folder: Path, write: Write, stream: bool) -> None:
    write(folder / "train.jsonl", ASKED)
    place = {"each": "question", "stream": stream}
    with pytest.raises(DataError, match=r"each: train\.jsonl has no column 'question'; did you m"):
        open_splits(config(folder, place=place), 0, None)


@pytest.mark.parametrize("inside", [False, True])
def test_lists_of_parquet(folder: Path, inside: bool) -> None:
    rows = json.loads(json.dumps(ASKED))
    for row in rows:
        path = row["image"]
        content = (folder / path).read_bytes() if inside else None
        row["image"] = {"path": path, "bytes": content}
    pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet")
    splits = open_splits(config(folder, "train.parquet"), 0, None)
    assert list(only_batch(splits).ids) == [
        "train.parquet:0/1",
        "train.parquet:0/2",
        "train.parquet:3/1",
    ]
