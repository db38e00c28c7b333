"""A folder is one set, or the several it holds, the training set first."""

from pathlib import Path

import pytest

from sensorium.data.check import find_sets


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["test.jsonl", "train.jsonl", "val.csv", "notes.txt"], ["train", "val", "test"]),
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], None),
        (["train.csv", "train.jsonl"], ["train.csv", "train.jsonl"]),
        (["test/a.png", "train/a.png"], ["train", "test"]),
        (["train/a.png", "car/a.png"], ["here"]),
        (["metadata.jsonl", "test.jsonl"], ["here"]),
        (["a.png"], ["here"]),
        ([".hidden_train.jsonl", "a.png"], ["here"]),
    ],
)
def test_sets_of_a_folder(tmp_path: Path, files: list[str], names: list[str] | None) -> None:
    here = tmp_path / "here"
    for file in files:
        (here / file).parent.mkdir(parents=True, exist_ok=True)
        (here / file).touch()
    expected = [Path(file).stem for file in files] if names is None else names
    assert list(find_sets(here)) == expected


def test_a_file_is_one_set(tmp_path: Path) -> None:
    path = tmp_path / "dogs.jsonl"
    path.touch()
    assert find_sets(path) == {"dogs": path}
