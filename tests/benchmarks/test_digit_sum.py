"""The sums are added up anew from the names of the sources' own files, on stand-ins for FSDD."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tests.benchmarks.scripts import load_script

sklearn_datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn has the pictures")
digit_sum = load_script("datasets/digit_sum.py")
ROWS = {"train": 2_000, "validation": 500, "test": 500}


@pytest.fixture(scope="module")
def fsdd(tmp_path_factory):
    """Manifests and files as `fsdd.py` writes them; what is said is not looked at."""
    folder = tmp_path_factory.mktemp("fsdd")
    (folder / "audio").mkdir()
    rows = {"train": [], "test": []}
    for digit in range(10):
        for take in range(12):
            name = f"audio/{digit}_theo_{take}.wav"
            (folder / name).write_bytes(f"{digit} {take}".encode())
            row = {"file_name": name, "label": digit, "index": take}
            rows["test" if take < 5 else "train"].append(json.dumps(row) + "\n")
    for split, lines in rows.items():
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fsdd):
    folder = tmp_path_factory.mktemp("digit-sum")
    digit_sum.build(folder, fsdd, ROWS, seed=1)
    return folder


def rows_of(folder, split):
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def test_every_sum_is_that_of_the_files(folder):
    scans = sklearn_datasets.load_digits()
    for split, count in ROWS.items():
        rows = rows_of(folder, split)
        assert len(rows) == count
        for row in rows:
            number = int(row["image"][-8:-4])
            written, spoken = int(scans.target[number]), int(row["audio"].split("/")[1][0])
            assert (row["written"], row["spoken"]) == (written, spoken)
            assert int(row["sum"]) == written + spoken


def test_the_pictures_are_the_scans(folder):
    scans = sklearn_datasets.load_digits()
    files = sorted((folder / "images").iterdir())
    assert len(files) == len(scans.target) == 1797
    for file in files[::50]:
        digit, number = map(int, file.stem.split("-"))
        assert digit == scans.target[number]
        pixels = np.asarray(Image.open(file))
        np.testing.assert_array_equal(np.round(pixels / 255 * 16), scans.images[number])


@pytest.mark.parametrize("column", ["image", "audio"])
def test_no_file_is_in_two_splits(folder, column):
    used = {split: {row[column] for row in rows_of(folder, split)} for split in ROWS}
    assert all((folder / name).is_file() for names in used.values() for name in names)
    assert not used["train"] & used["validation"]
    assert not used["train"] & used["test"]
    assert not used["validation"] & used["test"]


def test_one_digit_says_nothing_of_the_other(folder):
    rows = rows_of(folder, "train")
    pairs = Counter((row["written"], row["spoken"]) for row in rows)
    assert len(pairs) == 100
    best = Counter((row["written"], row["sum"]) for row in rows)
    known = sum(max(best[w, str(w + s)] for s in range(10)) for w in range(10))
    assert known / len(rows) < 0.14, "who sees only the picture is right once in ten times"


def test_a_row_follows_from_seed_split_and_number(folder, fsdd, tmp_path):
    digit_sum.build(tmp_path, fsdd, {"train": 30, "test": 7}, seed=1)
    assert rows_of(tmp_path, "train") == rows_of(folder, "train")[:30]
    assert rows_of(tmp_path, "test") == rows_of(folder, "test")[:7]
    digit_sum.build(tmp_path, fsdd, {"test": 7}, seed=2)
    assert rows_of(tmp_path, "test") != rows_of(folder, "test")[:7]
