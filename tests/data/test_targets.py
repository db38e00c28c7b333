"""Targets: learned from the rows to train on, the same indices in every set, from any format."""

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pydantic import ValidationError
from tests.data.shards import tar

from sensorium.batch import ABSENT, UNKNOWN, Batch, Learned
from sensorium.data import (
    TARGETS,
    DataConfig,
    DataSplits,
    Loader,
    Quarantine,
    StreamLoader,
    open_dataset,
    open_splits,
)
from sensorium.data.columns import JUDGED_ONLY
from sensorium.data.columns import TARGETS as FIELDS
from sensorium.errors import DataError

Write = Callable[[Path, list[Any]], None]

ROWS: list[dict[str, Any]] = [
    {"animal": "cat", "tags": ["soft", "small"], "legs": 4, "answer": "yes", "kind": "is it"},
    {"animal": "dog", "tags": ["soft"], "legs": 4, "answer": "two  legs", "kind": "count"},
    {"animal": "emu", "tags": [], "legs": 2, "answer": "yes", "kind": "is it"},
    {"animal": "cat", "tags": ["small"], "legs": "3", "answer": "no", "kind": "is it"},
]
EVERY = {
    "label": "animal",
    "labels": "tags",
    "number": "legs",
    "answer": "answer",
    "question_type": "kind",
    "boxes": "things",
    "box": "place",
    "wrong_text": "nearly",
    "wrong_type": "what",
}
PLACED = {
    "things": [{"box": [0, 0, 4, 8], "label": "leg"}, {"box": [2, 2, 4, 4], "label": "ear"}],
    "place": [0, 0, 4, 8],
}
NEARLY = {"nearly": ["a 9", "a 9 dog"], "what": ["count", "shape"]}


def rows_of(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with pictures and texts, each with a change."""
    changes += ({},) * (len(ROWS) - len(changes))
    return [
        {"image": f"pictures/{n}.png", "text": f"a {n}", **PLACED, **NEARLY, **row, **change}
        for n, (row, change) in enumerate(zip(ROWS, changes, strict=True))
    ]


@pytest.fixture
def sets(folder: Path, write: Write) -> Path:
    write(folder / "train.jsonl", rows_of())
    write(folder / "test.jsonl", rows_of())
    return folder


def config(folder: Path, fields: dict[str, Any] = EVERY, **settings: Any) -> DataConfig:
    tree = {"root": str(folder), "train": "train.jsonl", "image": {"size": 8}, **settings}
    files = {"image": "image", "text": "text"}
    return DataConfig.model_validate({"fields": files | fields, **tree})


def only_batch(splits: DataSplits, split: str = "train") -> Batch:
    """All samples of a split, in their order."""
    settings = {"batch_size": 99, "seed": 0, "shuffle": False, "drop_last": False}
    return next(iter(Loader(getattr(splits, split), quarantine=splits.quarantine, **settings)))


def test_every_field_of_a_target_can_be_said() -> None:
    assert {target.field for target in TARGETS.values()} == set(FIELDS)
    trained_on = {target.field for target in TARGETS.values() if not target.judged_only}
    assert set(FIELDS) - trained_on == set(JUDGED_ONLY)


@pytest.mark.parametrize("cache_megabytes", [0, 10])
def test_what_a_batch_holds(sets: Path, cache_megabytes: int) -> None:
    splits = open_splits(config(sets, cache_megabytes=cache_megabytes), 0, None)
    batch = only_batch(splits)
    targets = batch.targets
    learned = {name for name, target in TARGETS.items() if not target.judged_only}
    assert targets.keys() == {*learned, "frame"}
    assert targets["label"].tolist() == [0, 1, 2, 0]
    assert targets["labels"].tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    assert targets["number"].tolist() == [4, 4, 2, 3]
    assert targets["answer"].tolist() == [0, 2, 0, 1]
    assert targets["question_type"].tolist() == [1, 0, 1, 1]
    words = [splits.tokenizer.decode(tokens) for tokens in targets["answer_tokens"]]
    assert words == ["yes", "two legs", "yes", "no"]
    assert targets["answer_tokens"][0, -1] == splits.tokenizer.pad
    dtypes = {name: target.dtype for name, target in targets.items()}
    assert dtypes["label"] == dtypes["answer"] == dtypes["answer_tokens"] == torch.int64
    assert dtypes["labels"] == dtypes["number"] == torch.float32
    picked = batch.rows(torch.tensor([2, 0])).targets
    assert picked["label"].tolist() == [2, 0]


def test_a_judged_set_has_the_answers_of_all_people(sets: Path) -> None:
    said = (["yes", "no", "yes"], "two  legs", ["who knows"], ["no", "no"])
    rows = [{**row, "answer": answer} for row, answer in zip(rows_of(), said, strict=True)]
    (sets / "judged.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    splits = open_splits(config(sets, test="judged.jsonl"), 0, None)
    targets = only_batch(splits, "test").targets
    assert targets["answer"].tolist() == [0, 2, UNKNOWN, 1]
    yes, no, two = 0, 1, 2
    assert targets["answers"].tolist() == [
        [yes, no, yes],
        [two, ABSENT, ABSENT],
        [UNKNOWN, ABSENT, ABSENT],
        [no, no, ABSENT],
    ]
    words = [
        [text for one in several if (text := splits.tokenizer.decode(one))]
        for several in targets["answers_tokens"]
    ]
    assert words == [["yes", "no", "yes"], ["two legs"], ["who knows"], ["no", "no"]]


def test_a_judged_set_has_texts_that_are_nearly_right(sets: Path) -> None:
    """Nothing is trained on them, so that their types may be those of any set of the recipe."""
    rows = rows_of({"nearly": "no 0", "what": "colour"}, {"nearly": [], "what": []})
    (sets / "test.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    splits = open_splits(config(sets, test="test.jsonl"), 0, None)
    assert splits.learned["wrong_text"].total == 7
    assert splits.learned["wrong_type"].names == ["colour", "count", "shape"]
    assert "wrong_texts" not in only_batch(splits).targets
    targets = only_batch(splits, "test").targets
    decode = splits.tokenizer.decode
    words = [[decode(text) for text in several] for several in targets["wrong_texts"]]
    assert words == [["no 0", ""], ["", ""], ["a 9", "a 9 dog"], ["a 9", "a 9 dog"]]
    assert targets["wrong_types"].tolist() == [[0, ABSENT], [ABSENT, ABSENT], [1, 2], [1, 2]]


def test_what_is_learned(sets: Path) -> None:
    learned = open_splits(config(sets), 0, None).learned
    assert learned["label"] == Learned(["cat", "dog", "emu"], [2, 1, 1], 4)
    assert learned["labels"] == Learned(["small", "soft"], [2, 2], 4)
    assert learned["answer"] == Learned(["yes", "no", "two legs"], [2, 1, 1], 4)
    assert learned["question_type"] == Learned(["count", "is it"], [1, 3], 4)
    assert learned["boxes"] == Learned(["ear", "leg"], [4, 4], 4)
    assert learned["box"] == Learned(total=4)
    assert learned["number"].mean == pytest.approx(3.25)
    assert learned["number"].deviation == pytest.approx(math.sqrt(0.6875))
    assert all(Learned(**json.loads(json.dumps(asdict(one)))) == one for one in learned.values())


def test_nothing_is_learned_where_no_target_is_said(sets: Path) -> None:
    splits = open_splits(config(sets, {}), 0, None)
    assert splits.learned == {}
    assert only_batch(splits).targets == {}


def test_classes_come_in_the_order_of_their_numbers(sets: Path, write: Write) -> None:
    write(sets / "train.jsonl", rows_of(*({"animal": name} for name in (10, 9, "b2", "b10"))))
    learned = open_splits(config(sets, {"label": "animal"}), 0, None).learned
    assert learned["label"].names == ["9", "10", "b2", "b10"]


def test_a_class_is_the_same_index_in_every_set(sets: Path, write: Write) -> None:
    write(sets / "test.jsonl", rows_of(*({"animal": "emu"},) * 4))
    settings = config(sets, test="test.jsonl")
    trained = open_splits(settings, 0, None)
    assert only_batch(trained, "test").targets["label"].tolist() == [2] * 4
    # By what the run has kept, without the training set.
    (sets / "train.jsonl").unlink()
    alone = open_splits(settings, 0, None, trained.tokenizer, ["test"], learned=trained.learned)
    assert only_batch(alone, "test").targets["label"].tolist() == [2] * 4


def test_classes_of_the_recipe(sets: Path, write: Write) -> None:
    numbers = ({"animal": n} for n in (0, "1", "dog", 2))
    write(sets / "train.jsonl", rows_of(*numbers))
    settings = config(sets, {"label": "animal"}, classes=["emu", "cat", "dog"])
    splits = open_splits(settings, 0, None)
    assert splits.learned["label"] == Learned(["emu", "cat", "dog"], [1, 1, 2], 4, numbered=True)
    assert only_batch(splits).targets["label"].tolist() == [0, 1, 2, 2]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"animal": "cta"}, "label: 'cta' is no class of the training set; did you mean 'cat'? (these"),
    ({"animal": 7}, "label: '7' is no class of the training set (these are cat, dog, emu)"),
    ({"animal": ["cat", "dog"]}, "label: expected one class, got cat, dog; several at once are"),
    ({"animal": 1.5}, "label: expected the name of a class or a whole number, got 1.5"),
    ({"animal": {"a": 1}}, "label: expected the name of a class or a whole number, got dict"),
    ({"animal": " "}, "no label: column 'animal' is empty"),
    ({"tags": ["soft", "big"]}, "labels: 'big' is no class of the training set (these are small,"),
    ({"tags": None}, "no labels: column 'tags' is empty"),
    ({"legs": "many"}, "number: expected a finite number, got 'many'"),
    ({"legs": True}, "number: expected a finite number, got True"),
    ({"legs": math.inf}, "number: expected a finite number, got inf"),
    ({"legs": 1e39}, "number: expected a finite number, got 1e+39"),
    ({"legs": [4, 2]}, "number: expected one number, got 4, 2"),
    ({"legs": None}, "no number: column 'legs' is empty"),
    ({"answer": {"a": 1}}, "answer: text: expected a string, got dict"),
    ({"answer": ""}, "no answer: column 'answer' is empty"),
]


@pytest.mark.parametrize(("change", "reason"), BROKEN)
@pytest.mark.parametrize("cache_megabytes", [0, 10])
def test_a_row_whose_target_is_wrong_is_named_and_left_out(
    sets: Path, write: Write, change: dict[str, Any], reason: str, cache_megabytes: int
) -> None:
    write(sets / "test.jsonl", rows_of({}, change))
    settings = {"cache_megabytes": cache_megabytes, "failure_budget": 1.0}
    splits = open_splits(config(sets, test="test.jsonl", **settings), 0, None)
    assert len(only_batch(splits, "test")) == 3
    (broken,) = splits.quarantine.broken()
    assert broken.id == "test.jsonl:2"
    assert broken.reason.startswith(reason)


def test_a_number_out_of_range_is_no_class(sets: Path, write: Write) -> None:
    write(sets / "test.jsonl", rows_of({"animal": 3}))
    settings = config(
        sets, {"label": "animal"}, classes=["cat", "dog", "emu"], test="test.jsonl"
    ).model_copy(update={"failure_budget": 1.0})
    splits = open_splits(settings, 0, None)
    assert [one.reason for one in splits.quarantine.broken()] == [
        "label: '3' is no class of data.classes (these are cat, dog, emu)"
    ]


def test_an_answer_that_training_does_not_know_is_kept(sets: Path, write: Write) -> None:
    write(sets / "test.jsonl", rows_of({"answer": "perhaps"}, {"kind": "other"}, {"kind": None}))
    splits = open_splits(config(sets, test="test.jsonl", required=["answer"]), 0, None)
    targets = only_batch(splits, "test").targets
    assert targets["answer"].tolist() == [UNKNOWN, 2, 0, 1]
    assert targets["question_type"].tolist() == [1, ABSENT, ABSENT, 1]
    assert splits.tokenizer.decode(targets["answer_tokens"][0]) == "perhaps"


def test_of_many_answers_the_most_frequent_are_kept(sets: Path) -> None:
    splits = open_splits(config(sets, answers=2), 0, None)
    assert splits.learned["answer"].names == ["yes", "no"]
    assert only_batch(splits).targets["answer"].tolist() == [0, UNKNOWN, 0, 1]
    assert any("answer: 1 of 4 rows of train.jsonl have an answer that" in n for n in splits.notes)


def test_the_answer_that_most_people_gave_is_taken(sets: Path, write: Write) -> None:
    write(sets / "train.jsonl", rows_of({"answer": ["no", "two legs", "no"]}))
    splits = open_splits(config(sets), 0, None)
    assert splits.learned["answer"] == Learned(["no", "two legs", "yes"], [2, 1, 1], 4)


def test_rows_may_lack_what_is_not_required(sets: Path, write: Write) -> None:
    nothing = {"animal": None, "tags": None, "legs": math.nan, "answer": None}
    write(sets / "train.jsonl", rows_of({}, nothing))
    splits = open_splits(config(sets, required=["image"]), 0, None)
    targets = only_batch(splits).targets
    assert targets["label"].tolist() == [0, ABSENT, 1, 0]
    assert targets["labels"].isnan().tolist() == [[False] * 2, [True] * 2, [False] * 2, [False] * 2]
    assert targets["number"].isnan().tolist() == [False, True, False, False]
    assert targets["answer"].tolist() == [0, ABSENT, 0, 1]
    assert (targets["answer_tokens"][1] == splits.tokenizer.pad).all()
    assert len(splits.quarantine) == 0


def test_a_set_may_say_that_it_lacks_a_target(sets: Path, write: Write) -> None:
    write(sets / "test.jsonl", [{"image": "pictures/0.png", "text": "x"}])
    test = {"path": "test.jsonl", "fields": {name: [] for name in EVERY}}
    splits = open_splits(config(sets, test=test), 0, None)
    targets = only_batch(splits, "test").targets
    assert targets["label"].tolist() == [ABSENT]
    assert targets["labels"].isnan().all()
    with pytest.raises(DataError, match=r"test\.jsonl has no column 'animal'"):
        open_splits(config(sets, test="test.jsonl"), 0, None)


REFUSED: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    (
        [{"animal": "cat"}] * 4,
        {},
        "all rows of train.jsonl have the label 'cat'; expected at least",
    ),
    ([{"animal": None}] * 4, {}, "no row of train.jsonl has any label: column 'animal' holds none"),
    ([{"legs": 3}] * 4, {}, "all rows of train.jsonl have the number 3; expected different ones"),
    ([{"answer": "yes"}] * 4, {}, "all rows of train.jsonl have the answer 'yes'; expected at"),
    (
        [],
        {"classes": ["cat", "dog", "emus"]},
        "no row of train.jsonl has the class 'emus' that data.classes names (it has 'emu'); column",
    ),
]


@pytest.mark.parametrize(("changes", "settings", "said"), REFUSED)
def test_what_teaches_nothing_is_refused(
    sets: Path,
    write: Write,
    changes: list[dict[str, Any]],
    settings: dict[str, Any],
    said: str,
) -> None:
    write(sets / "train.jsonl", rows_of(*changes))
    fields = {"label": "animal", "number": "legs", "answer": "answer"}
    with pytest.raises(DataError) as refused:
        open_splits(config(sets, fields, **settings), 0, None)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"classes": ["a"]}, "at least two names, all different and none empty"),
        ({"classes": ["a", "a "]}, "at least two names, all different and none empty"),
        ({"classes": [True, False]}, "expected names; YAML takes a bare yes or no for a truth: wr"),
        ({"fields": {"lable": "x"}}, "did you mean 'label'?"),
        (
            {"modalities": ["label"]},
            "expected modalities of image, text, audio, video, got 'label'",
        ),
        ({"answers": 1}, "greater than 1"),
    ],
)
def test_what_the_settings_refuse(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match="(?s).*" + said.replace("?", r"\?")):
        DataConfig.model_validate(settings)


def test_classes_may_be_numbers(sets: Path) -> None:
    assert DataConfig.model_validate({"classes": [0, 1]}).classes == ["0", "1"]


def parquet(path: Path, labels: list[Any], names: list[str]) -> None:
    """A column of class numbers with their names, as the Hugging Face library writes them."""
    column = {"label": {"names": names, "_type": "ClassLabel"}}
    several = {"tags": {"feature": column["label"], "_type": "Sequence"}}
    features = {"info": {"features": column | several}}
    table = pa.table(
        {
            "text": [f"row {n}" for n in range(len(labels))],
            "label": pa.array(labels, pa.int64()),
            "tags": pa.array([[n] for n in labels], pa.list_(pa.int64())),
        }
    )
    metadata = {"huggingface": json.dumps(features)}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_names_of_class_numbers(tmp_path: Path) -> None:
    parquet(tmp_path / "train.parquet", [1, 0, 1, 3], ["zebra", "ant", "gnu", "yak"])
    # Another order of the same names, a number without one, and a row that nobody has labelled.
    parquet(tmp_path / "test.parquet", [0, 1, 2, -1, 5], ["ant", "zebra", "yak"])
    settings: dict[str, Any] = {
        "root": str(tmp_path),
        "train": "train.parquet",
        "test": "test.parquet",
        "modalities": ["text"],
        "fields": {"label": "label", "labels": "tags"},
        "failure_budget": 1.0,
    }
    splits = open_splits(DataConfig.model_validate(settings), 0, None)
    assert splits.learned["label"] == Learned(["zebra", "ant", "gnu", "yak"], [1, 2, 0, 1], 4)
    assert splits.learned["labels"].names == ["zebra", "ant", "gnu", "yak"]
    assert "label: no row of train.parquet has the class 'gnu'" in splits.notes
    batch = only_batch(splits, "test")
    assert batch.targets["label"].tolist() == [1, 0, 3]
    assert batch.targets["labels"].argmax(dim=1).tolist() == [1, 0, 3]
    assert [(one.id, one.reason) for one in splits.quarantine.broken()] == [
        ("test.parquet:3", "no label: column 'label' is empty"),
        ("test.parquet:4", "label: expected a class from 0 to 2, got 5"),
    ]


def test_cells_of_a_csv(sets: Path) -> None:
    (sets / "train.csv").write_text("text,animal,legs\na,cat,4\nb,dog,2.5\nc,cat,\n")
    fields = {"image": [], "label": "animal", "number": "legs"}
    splits = open_splits(config(sets, fields, train="train.csv", required=["text"]), 0, None)
    targets = only_batch(splits).targets
    assert targets["label"].tolist() == [0, 1, 0]
    assert targets["number"].tolist() == [4, 2.5, pytest.approx(math.nan, nan_ok=True)]


def test_classes_of_shards(tmp_path: Path) -> None:
    members = []
    for number, label in enumerate((2, 0, 2, 1)):
        members += [(f"{number}.txt", b"words"), (f"{number}.cls", str(label).encode())]
    (tmp_path / "train.tar").write_bytes(tar(members))
    settings = {"train": "train.tar", "root": str(tmp_path), "modalities": ["text"]}
    settings |= {"fields": {"text": "txt", "label": "cls"}, "classes": ["a", "b", "c"]}
    splits = open_splits(DataConfig.model_validate(settings), 0, None)
    assert only_batch(splits).targets["label"].tolist() == [2, 0, 2, 1]


def test_targets_of_a_stream(sets: Path) -> None:
    train = {"path": "train.jsonl", "stream": True}
    splits = open_splits(config(sets, train=train), 0, None)
    assert splits.learned["label"] == Learned(["cat", "dog", "emu"], [2, 1, 1], 4)
    loader = StreamLoader(splits.train, batch_size=4, quarantine=splits.quarantine)
    batch = next(iter(loader))
    assert sorted(batch.targets["label"].tolist()) == [0, 0, 1, 2]
    told = dict(zip(batch.ids, batch.targets["number"].tolist(), strict=True))
    assert told == {f"train.jsonl:{n}": legs for n, legs in enumerate((4, 4, 2, 3), start=1)}


@pytest.mark.parametrize("stream", [False, True])
def test_sets_of_a_mixture_may_lack_targets(sets: Path, write: Write, stream: bool) -> None:
    write(sets / "more.jsonl", [{"words": f"number {n}", "legs": n} for n in range(4)])
    more = {"path": "more.jsonl", "fields": {"text": "words", "label": []}, "stream": stream}
    fields = {"label": "animal", "number": "legs"}
    splits = open_splits(config(sets, fields, train=["train.jsonl", more]), 0, None)
    assert splits.learned["label"].rows == [2, 1, 1]
    if stream:
        loader = StreamLoader(splits.train, batch_size=8, quarantine=splits.quarantine)
        batch = next(iter(loader))
    else:
        batch = only_batch(splits)
    labels = batch.targets["label"]
    assert (labels == ABSENT).sum() == 4
    assert sorted(batch.targets["number"][labels == ABSENT].tolist()) == [0, 1, 2, 3]


def test_workers_get_the_same_targets(sets: Path) -> None:
    splits = open_splits(config(sets), 0, None)
    alone = only_batch(splits).targets
    copied = pickle.loads(pickle.dumps(splits.train))
    assert copied is not None
    loader = Loader(
        copied,
        batch_size=4,
        seed=0,
        shuffle=False,
        quarantine=splits.quarantine,
        drop_last=False,
        workers=1,
    )
    sent = next(iter(loader)).targets
    assert all(torch.equal(sent[name], target) for name, target in alone.items())


def test_data_of_another_kind_need_no_target(sets: Path, write: Write) -> None:
    splits = open_splits(config(sets), 0, None)
    write(sets / "other.jsonl", [{"image": "pictures/0.png", "text": "x"}])
    for learned in (None, splits.learned):
        quarantine = Quarantine(None, 0, 0.0)
        settings = config(sets, required=["image", "label"])
        data = open_dataset(
            sets / "other.jsonl", settings, splits.tokenizer, quarantine, learned=learned
        )
        missed = [note for note in data.source.notes if "no column 'animal' for the label" in note]
        assert len(missed) == (learned is not None)
        known = data.sample(0, 0).targets.keys() - {"captions"}  # which are of every judged set
        assert known == ({*TARGETS, "frame"} if learned else set())
        assert len(quarantine) == 0
