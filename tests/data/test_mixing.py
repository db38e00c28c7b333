"""Sets mixed by weight: proportions, epochs of each set, places that are exact."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sensorium.batch import Batch
from sensorium.data import DataConfig, Loader, Mixed, open_splits
from sensorium.data.mixing import DRAWS, Interleaving
from sensorium.errors import DataError

Write = Callable[[Path, list[Any]], None]


@pytest.mark.parametrize("weights", [[1], [2, 1], [0.2, 0.5, 0.3], [1, 1000, 3.5], [1e-9, 1]])
def test_draws_are_spread_as_the_weights_say(weights: list[float]) -> None:
    interleaving = Interleaving(weights)
    sets, counts = interleaving.take(np.arange(3 * DRAWS))
    assert sets.tolist()[:50] == [interleaving.set_of(draw) for draw in range(50)]
    for number, weight in enumerate(weights):
        own = sets == number
        assert counts[own].tolist() == list(range(own.sum()))
        share = max(weight / sum(weights), 1 / DRAWS)
        so_far = own.cumsum() - share * np.arange(1, len(own) + 1)
        assert np.abs(so_far).max() < 4


@pytest.fixture
def two(folder: Path, write: Write) -> Callable[..., DataConfig]:
    """Six pairs of a picture and a text, and four texts in another column, two to one."""
    (folder / "more").mkdir()
    write(folder / "more/train.jsonl", [{"words": f"a word {n}"} for n in range(4)])

    def build(**settings: Any) -> DataConfig:
        train = [{"path": "train.jsonl", "weight": 2}, {"path": "more/train.jsonl", "weight": 1}]
        train[1]["fields"] = {"text": "words", "image": []}
        tree = {"root": str(folder), "train": train, "text": {"vocabulary": 300}, **settings}
        return DataConfig.model_validate(tree)

    return build


def load(config: DataConfig, **settings: Any) -> Loader:
    splits = open_splits(config, 3, None)
    assert isinstance(splits.train, Mixed)
    defaults: dict[str, Any] = {"batch_size": 3, "seed": 1, "shuffle": True, "drop_last": True}
    return Loader(splits.train, quarantine=splits.quarantine, **{**defaults, **settings})


def load_one(config: DataConfig) -> Loader:
    """A single set, in its own order, as one batch."""
    splits = open_splits(config, 3, None)
    settings = {"batch_size": 6, "seed": 1, "shuffle": False, "drop_last": False}
    return Loader(splits.train, quarantine=splits.quarantine, **settings)


def ids(batches: list[Batch]) -> list[str]:
    return [id for batch in batches for id in batch.ids]


def test_each_set_has_epochs_of_its_own(two: Callable[..., DataConfig]) -> None:
    loader = load(two())
    assert loader.batches_per_epoch == 3
    drawn = ids([*islice(loader, 12)])
    pairs = [id for id in drawn if id.startswith("/train.jsonl:")]
    texts = [id for id in drawn if id.startswith("more/train.jsonl:")]
    assert (len(pairs), len(texts)) == (24, 12)
    for own, size in ((pairs, 6), (texts, 4)):
        epochs = [own[i : i + size] for i in range(0, len(own), size)]
        assert all(len(set(epoch)) == size for epoch in epochs)
        assert len(set(map(tuple, epochs))) > 1


def test_rows_lack_what_their_set_lacks(two: Callable[..., DataConfig]) -> None:
    for required in (None, ["text"], ["image", "text"]):
        batch = next(iter(load(two(required=required), batch_size=9)))
        assert batch.inputs["text"].present.all()
        has = [id.startswith("/train") for id in batch.ids]
        assert batch.inputs["image"].present.tolist() == has
        assert Counter(has) == {True: 6, False: 3}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("given", [1, 3, 7])
def test_resume(two: Callable[..., DataConfig], workers: int, given: int) -> None:
    whole = ids([*islice(load(two()), 12)])
    first = load(two(), workers=workers)
    assert ids([*islice(first, given)]) == whole[: 3 * given]
    second = load(two(), workers=workers)
    second.restore(first.state())
    assert ids([*islice(second, 12 - given)]) == whole[3 * given :]


def test_broken_rows_of_each_set_are_named(
    two: Callable[..., DataConfig], folder: Path, tmp_path: Path
) -> None:
    (folder / "pictures/1.png").write_bytes(b"")
    with (folder / "more/train.jsonl").open("a") as file:
        file.write('{"words": ""}\nno row\n')
    path = tmp_path / "quarantine.jsonl"
    splits = open_splits(two(failure_budget=0.5), 0, path)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [
        "more/train.jsonl:6",
        "/train.jsonl:2",
        "more/train.jsonl:5",
    ]
    assert splits.quarantine.total == 12
    assert isinstance(splits.train, Mixed)
    assert len(splits.train) == 9


def test_sets_of_one_folder_are_told_apart_by_number(folder: Path) -> None:
    train = ["train.jsonl", {"path": "train.jsonl", "fields": {"text": "name"}}]
    config = DataConfig.model_validate({"root": str(folder), "train": train})
    splits = open_splits(config, 0, None)
    assert isinstance(splits.train, Mixed)
    assert splits.train.id(0) == "1/train.jsonl:1"
    assert splits.train.id(6) == "2/train.jsonl:1"
    assert [one["text"] for one in splits.fields] == [["text"], ["name"]]
    assert len([note for note in splits.notes if "guessed" in note]) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_knows_the_source_of_each_sample(
    two: Callable[..., DataConfig], folder: Path, workers: int
) -> None:
    assert next(iter(load(two()))).sources == ()
    train = [{"path": "train.jsonl", "name": "pairs"}]
    train += [{"path": "more/train.jsonl", "name": "words", "fields": {"text": "words"}}]
    batch = next(iter(load(two(train=train), batch_size=8, workers=workers)))
    assert set(batch.sources) == {"pairs", "words"}
    for id, source in zip(batch.ids, batch.sources, strict=True):
        assert source == ("pairs" if id.startswith("/train") else "words")
    index = torch.tensor([5, 0])
    assert batch.rows(index).sources == [batch.sources[5], batch.sources[0]]
    assert batch.to(torch.device("cpu")).sources == batch.sources
    config = two(train=train[:1])
    assert next(iter(load_one(config))).sources == ["pairs"] * 6


def test_a_list_to_be_judged_on_is_read_set_after_set(two: Callable[..., DataConfig]) -> None:
    tree = two().model_dump()
    config = DataConfig.model_validate({**tree, "test": tree["train"], "train": "train.jsonl"})
    splits = open_splits(config, 3, None)
    assert isinstance(splits.test, Mixed)
    settings = {"batch_size": 4, "seed": 1, "shuffle": False, "drop_last": False}
    loader = Loader(splits.test, quarantine=splits.quarantine, **settings)
    read = ids(list(loader))
    assert read == [f"/train.jsonl:{n}" for n in range(1, 7)] + [
        f"more/train.jsonl:{n}" for n in range(1, 5)
    ]
    for index in (0, 5, 6, 9):
        assert splits.test.index_of(read[index]) == index
        assert splits.test.describe(index)["id"] == read[index]
    assert splits.test.image_bytes(0) is not None
    assert splits.test.image_bytes(9) is None
    with pytest.raises(DataError, match=r"has no sample 'x'; one that it has is '/train\.jsonl:1'"):
        splits.test.index_of("x")


def test_a_column_that_is_said_has_to_be_there(
    two: Callable[..., DataConfig], folder: Path
) -> None:
    train = ["train.jsonl", {"path": "more/train.jsonl", "fields": {"text": "wrds"}}]
    (folder / "more/train.jsonl").write_text('{"words": "x"}\n')
    with pytest.raises(DataError, match="has no column 'wrds'; did you mean 'words'"):
        open_splits(DataConfig.model_validate({"root": str(folder), "train": train}), 0, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": []}, "train: expected at least one set, got an empty list"),
        ({"train": ["a", "b"], "validation_share": 0.1}, "validation_share holds out rows of one"),
        ({"train": [{"path": "a", "weight": 0}]}, "greater than 0"),
        ({"train": [{"path": "a", "fields": {"imgae": "x"}}]}, "did you mean 'image'"),
        ({"test": {"path": "a", "stream": True}}, "test cannot be streamed"),
        ({"test": []}, "test: expected at least one set, got an empty list"),
        (
            {"train": [{"path": "a", "name": "one"}, "b"]},
            "train: expected names of all sets of a list or of none, but set 2 of 2 has none",
        ),
        (
            {"test": [{"path": "a", "name": "one"}, {"path": "b", "name": "one"}]},
            "test: two sets have the name 'one'; give each its own",
        ),
    ],
)
def test_what_the_settings_refuse(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataConfig.model_validate(settings)
