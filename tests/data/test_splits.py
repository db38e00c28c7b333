"""The sets of a recipe, opened together."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sensorium.data import (
    DataConfig,
    Loader,
    Quarantine,
    TextConfig,
    Tokenizer,
    open_dataset,
    open_splits,
)
from sensorium.errors import DataError, FailureBudgetError

Write = Callable[[Path, list[Any]], None]
SHARED = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture
def config(folder: Path) -> Callable[..., DataConfig]:
    """(**settings) -> settings of `folder` with its train.jsonl."""

    def build(**settings: Any) -> DataConfig:
        base = {"root": str(folder), "train": "train.jsonl", "text": {"vocabulary": 300}}
        return DataConfig.model_validate({**base, **settings})

    return build


def ids(dataset: Any) -> list[str]:
    return [dataset.id(index) for index in range(len(dataset))]


def test_opening(config: Callable[..., DataConfig], folder: Path, write: Write) -> None:
    write(folder / "test.jsonl", [{"image": "pictures/0.png", "text": "a green word", "name": "x"}])
    calls = []
    splits = open_splits(
        config(test="test.jsonl"), 3, None, progress=lambda *facts: calls.append(facts)
    )
    assert splits.train is not None
    assert splits.test is not None
    assert splits.validation is None
    assert (len(splits.train), len(splits.test)) == (6, 1)
    assert splits.train.training
    assert not splits.test.training
    assert len(splits.tokenizer.encode("a green square")) == 5  # learnt from the training text
    assert splits.quarantine.total == 7
    assert calls[-1] == ("test", 1, 1)
    manifest = (folder / "train.jsonl").read_bytes()
    assert splits.fingerprints["train"] == hashlib.sha256(manifest).hexdigest()
    assert list(splits.fingerprints) == ["train", "test"]
    assert len([note for note in splits.notes if "guessed" in note]) == 2  # of train alone


def test_some_splits_and_a_given_tokenizer(
    config: Callable[..., DataConfig], folder: Path, write: Write, tokenizer: Tokenizer
) -> None:
    write(folder / "test.jsonl", [{"image": "pictures/0.png", "text": "x"}])
    settings = config(train="absent.jsonl", test="test.jsonl")
    splits = open_splits(settings, 0, None, tokenizer, splits=["test"])
    assert splits.train is None
    assert splits.test is not None
    assert splits.tokenizer is tokenizer
    with pytest.raises(DataError, match=r"no data at 'absent\.jsonl'"):
        open_splits(settings, 0, None, splits=["test"])
    with pytest.raises(DataError, match=r"no tokenizer, and no data\.train to train one on"):
        open_splits(config(train=None, test="test.jsonl"), 0, None)


def test_configured_tokenizer(
    config: Callable[..., DataConfig], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save(tmp_path / "own.json")
    text = {"tokenizer": str(tmp_path / "own.json"), "context_tokens": 4}
    splits = open_splits(config(text=text), 0, None)
    assert splits.tokenizer.size == tokenizer.size
    assert splits.tokenizer.context_tokens == 4


@pytest.mark.parametrize("settings", [{}, {"cache_megabytes": 0, "workers": 2}])
def test_long_texts_are_counted_and_told(
    config: Callable[..., DataConfig],
    tokenizer: Tokenizer,
    settings: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = {"context_tokens": 4}
    cutting = Tokenizer.train([], TextConfig(context_tokens=4))
    said = "are longer than data.text.context_tokens=4 and are cut"
    assert open_splits(config(text=text, **settings), 0, None, cutting).notes[-1] == (
        f"train: 6 texts {said}"
    )
    monkeypatch.setattr("sensorium.data.up_front.ROWS_LOOKED_AT", 5)
    counted = "6 texts" if not settings else "5 texts of the first 5 rows"
    assert open_splits(config(text=text, **settings), 0, None, cutting).notes[-1] == (
        f"train: {counted} {said}"
    )
    assert not any("cut" in note for note in open_splits(config(), 0, None, tokenizer).notes)


def test_held_out_share(config: Callable[..., DataConfig], folder: Path, write: Write) -> None:
    rows = [{"image": "pictures/0.png", "text": f"number {i}"} for i in range(200)]
    write(folder / "train.jsonl", rows)
    settings = config(validation_share=0.2, image={"size": 2})
    first, again, other = (open_splits(settings, seed, None) for seed in (0, 0, 1))
    assert first.train is not None
    assert first.validation is not None
    assert ids(first.validation) == ids(again.validation) != ids(other.validation)
    assert set(ids(first.train)) | set(ids(first.validation)) == {
        f"train.jsonl:{line}" for line in range(1, 201)
    }
    assert len(first.train) + len(first.validation) == 200
    assert 25 < len(first.validation) < 55
    assert first.quarantine.total == 200
    assert not first.validation.training
    alone = open_splits(settings, 0, None, first.tokenizer, splits=["validation"])
    assert alone.train is None
    assert ids(alone.validation) == ids(first.validation)
    write(folder / "train.jsonl", rows[:-10])
    fewer = open_splits(settings, 0, None)
    assert ids(fewer.validation) == [id for id in ids(first.validation) if int(id[12:]) <= 190]


def test_held_out_share_that_holds_nothing_out(config: Callable[..., DataConfig]) -> None:
    with pytest.raises(
        DataError, match=r"validation_share=1e-09 of the 6 rows of train\.jsonl leav"
    ):
        open_splits(config(validation_share=1e-9), 0, None)


def spoil(folder: Path) -> None:
    (folder / "pictures/0.png").write_bytes(b"")
    (folder / "pictures/1.png").unlink()
    with (folder / "train.jsonl").open("a") as file:
        file.write("{no\n")


def test_budget_of_zero_names_them_all(
    config: Callable[..., DataConfig], folder: Path, tmp_path: Path
) -> None:
    spoil(folder)
    path = tmp_path / "run/quarantine.jsonl"
    with pytest.raises(FailureBudgetError) as caught:
        open_splits(config(failure_budget=0), 0, path)
    named = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert named == ["train.jsonl:7", "train.jsonl:1", "train.jsonl:2"]
    assert all(id in str(caught.value) for id in named)
    assert str(caught.value).endswith("raise the budget: data.failure_budget=0.429")


def test_within_the_budget_the_rest_is_used(
    config: Callable[..., DataConfig], folder: Path, tmp_path: Path
) -> None:
    spoil(folder)
    with pytest.raises(FailureBudgetError, match="3 of 7 rows are broken"):
        open_splits(config(), 0, None)  # the default allows one in a hundred
    splits = open_splits(config(failure_budget=0.429), 0, tmp_path / "quarantine.jsonl")
    assert splits.train is not None
    loader = Loader(
        splits.train,
        batch_size=4,
        seed=0,
        shuffle=True,
        quarantine=splits.quarantine,
        drop_last=True,
    )
    batch = next(iter(loader))
    assert sorted(batch.ids) == [f"train.jsonl:{line}" for line in range(3, 7)]


def test_two_folders_have_distinct_ids(tmp_path: Path) -> None:
    for split in ("one", "two"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "cat.png").touch()
        (tmp_path / split / "cat.txt").write_text("a cat")
        Image.new("RGB", (4, 4)).save(tmp_path / split / "dog.png")
        (tmp_path / split / "dog.txt").write_text("a dog")
    config = DataConfig.model_validate(
        {"root": str(tmp_path), "train": "one", "test": "two", "failure_budget": 0.5}
    )
    splits = open_splits(config, 0, tmp_path / "quarantine.jsonl")
    lines = (tmp_path / "quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["train/cat.png", "test/cat.png"]
    assert ids(splits.test) == ["test/dog.png"]


def test_open_dataset(
    config: Callable[..., DataConfig], folder: Path, write: Write, tokenizer: Tokenizer
) -> None:
    write(folder / "other.jsonl", [{"photo": "pictures/0.png"}, {"photo": "pictures/9.png"}])
    quarantine = Quarantine(None, 0, 0.5)
    settings = config(
        fields={"image": "image", "text": "text"}, required=["image", "text"], train=None
    )
    data = open_dataset(folder / "other.jsonl", settings, tokenizer, quarantine)
    assert data.source.fields == {"image": ["photo"]}
    assert data.source.notes[0] == "other.jsonl: has no column 'image' for the image"
    assert list(data.sample(0, 0).values) == ["image"]
    assert (len(data), len(quarantine), quarantine.total) == (1, 1, 2)


def test_a_set_of_nothing_but_broken_rows_is_refused_before_it_is_used(
    config: Callable[..., DataConfig], folder: Path, write: Write
) -> None:
    write(folder / "test.jsonl", [{"image": "gone.png", "text": "gone"}] * 2)
    said = r"test\.jsonl: none of its 2 rows can be used; the first: test\.jsonl:1: picture 'gone"
    with pytest.raises(DataError, match=said):
        open_splits(config(test="test.jsonl", failure_budget=1), 0, None)
    quarantine = Quarantine(None, 0, 1)
    with pytest.raises(DataError, match=said):
        open_dataset(
            str(folder / "test.jsonl"), config(), Tokenizer.train([], TextConfig()), quarantine
        )


@pytest.mark.skipif(not (SHARED / "emoji").is_dir(), reason="the emoji set is not at hand")
def test_emoji(tokenizer: Tokenizer) -> None:
    config = DataConfig(root=str(SHARED))
    quarantine = Quarantine(None, 0, 0)
    data = open_dataset("emoji/test.jsonl", config, tokenizer, quarantine)
    assert len(data) == 356
    assert data.source.fields == {"image": ["file_name"], "text": ["text"]}


@pytest.mark.skipif(not (SHARED / "cifar10").is_dir(), reason="the cifar10 set is not at hand")
def test_cifar10(tokenizer: Tokenizer) -> None:
    config = DataConfig(root=str(SHARED), cache_megabytes=0)
    data = open_dataset("cifar10/test.parquet", config, tokenizer, Quarantine(None, 0, 0))
    assert len(data) == 10_000
    assert list(data.sample(9_999, 0).values) == ["image"]
