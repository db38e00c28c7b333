"""Samples: decoded, drawn and described; every way of being broken has its reason."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from sensorium.batch import Sample
from sensorium.data import BrokenSample, DataConfig, Dataset, Tokenizer, decode_image, open_source
from sensorium.errors import DataError

Build = Callable[..., Dataset]
Write = Callable[[Path, list[Any]], None]

NO_FILES = {"image": None, "audio": None, "video": None}
"""What is said of files where a row has none of its own."""


def same(one: Sample, other: Sample) -> bool:
    return (
        one.id == other.id
        and one.values.keys() == other.values.keys()
        and all(torch.equal(one.values[name], other.values[name]) for name in one.values)
    )


def test_a_sample(dataset: Build, folder: Path, tokenizer: Tokenizer) -> None:
    data = dataset(training=False)
    sample = data.sample(2, 0)
    assert sample.id == "train.jsonl:3"
    assert tokenizer.decode(sample.values["text"]) == "a blue square"
    expected = decode_image(folder / "pictures/2.png", data.config.image)
    assert torch.equal(sample.values["image"], expected)
    assert same(data.sample(2, 5), sample)


def test_chance_follows_from_seed_epoch_and_row(dataset: Build) -> None:
    fields = {"image": "image", "text": ["text", "name"]}
    data, again = dataset(fields=fields), dataset(fields=fields)
    assert all(same(data.sample(i, e), again.sample(i, e)) for i in range(6) for e in range(4))
    assert len({bytes(data.sample(0, e).values["image"].numpy()) for e in range(20)}) > 10
    assert {len(data.sample(0, e).values["text"]) for e in range(20)} == {3, 5}
    other = dataset(fields=fields, seed=6)
    assert not all(same(data.sample(0, e), other.sample(0, e)) for e in range(4))


@pytest.mark.parametrize("training", [True, False])
def test_the_cache_changes_nothing(dataset: Build, training: bool) -> None:
    settings = {"fields": {"image": "image", "text": ["text", "name"]}}
    lazy = dataset(training=training, cache_megabytes=0, **settings)
    cached = dataset(training=training, **settings)
    calls: list[tuple[int, int]] = []
    assert cached.prepare(lambda done, total: calls.append((done, total))) == []
    assert calls == [(done, 6) for done in range(1, 7)]
    assert lazy.prepare() == []
    copy = pickle.loads(pickle.dumps(cached))
    for index in range(6):
        for epoch in range(3):
            assert same(lazy.sample(index, epoch), cached.sample(index, epoch))
            assert same(lazy.sample(index, epoch), copy.sample(index, epoch))


def test_cached_samples_need_no_file(dataset: Build, folder: Path) -> None:
    data = dataset()
    data.prepare()
    (folder / "pictures/0.png").unlink()
    assert data.sample(0, 0).values["image"].shape == (3, 8, 8)


def test_several_pictures_in_a_cell(folder: Path, write: Write, tokenizer: Tokenizer) -> None:
    rows = [{"image": ["pictures/0.png", "pictures/1.png", "pictures/2.png"], "text": "x"}] * 3
    write(folder / "many.jsonl", rows)
    config = DataConfig.model_validate({"image": {"size": 8, "augment": {"shift": 0}}})
    source = open_source(folder / "many.jsonl", {"image": "image", "text": "text"})
    data = Dataset(source, config, tokenizer, training=True, seed=0)
    assert data.prepare() == []
    assert len({bytes(data.sample(0, e).values["image"].numpy()) for e in range(30)}) == 3


def make_broken(folder: Path, write: Write, encoded: Callable[..., bytes]) -> dict[str, str]:
    """A manifest with every kind of broken row; returns id -> its reason."""
    pictures = folder / "pictures"
    noise = os.urandom(3000)
    whole = encoded(Image.frombytes("RGB", (30, 30), noise[:2700]))
    (pictures / "cut.png").write_bytes(whole[:1000])
    (pictures / "empty.png").touch()
    (pictures / "text.jpg").write_text("<html>not found</html>")
    (pictures / "bomb.png").write_bytes(encoded(Image.new("1", (20_000, 20_000))))
    rows: list[Any] = [{"image": f"pictures/{i}.png", "text": "fine"} for i in range(6)]
    names = ("cut.png", "empty.png", "text.jpg", "absent.png", "bomb.png")
    rows += [{"image": f"pictures/{name}", "text": "x"} for name in names]
    rows += ["{not JSON", {"image": "pictures/0.png", "text": " "}, {"text": "x"}]
    rows += [{"image": 5, "text": "x"}, {"image": "pictures/0.png", "text": {"a": 1}}]
    rows += ['{"image": "pictures/0.png", "text": "half a \\ud83d pair"}']
    write(folder / "train.jsonl", rows)
    reasons = [
        "picture 'pictures/cut.png': the picture is truncated or damaged (",
        "picture 'pictures/empty.png': the file is empty (0 bytes)",
        "picture 'pictures/text.jpg': not a picture: the file holds text",
        "picture 'pictures/absent.png': the file is missing",
        "picture 'pictures/bomb.png': 20000 x 20000 pixels, more than data.image.max_pixels=6400",
        "the line is not JSON",
        "no text: column 'text' is empty",
        "no image: column 'image' is empty",
        "picture: expected a file name, bytes or {bytes, path}, got int",
        "text: expected a string, got dict",
        "text: not UTF-8 (character 8)",
    ]
    return {f"train.jsonl:{line}": reason for line, reason in enumerate(reasons, start=7)}


@pytest.mark.parametrize("cache_megabytes", [0, 10])
def test_every_broken_row_is_named(
    dataset: Build, folder: Path, write: Write, encoded: Callable[..., bytes], cache_megabytes: int
) -> None:
    expected = make_broken(folder, write, encoded)
    data = dataset(cache_megabytes=cache_megabytes)
    found = {one.id: one.reason for one in data.source.broken + data.prepare()}
    if not cache_megabytes:
        for index in range(len(data)):
            try:
                data.sample(index, 0)
            except BrokenSample as error:
                found[data.id(index)] = str(error)
    assert found.keys() == expected.keys()
    for id, reason in expected.items():
        assert found[id].startswith(reason), id
    if cache_megabytes:
        assert [data.id(index) for index in range(len(data))] == [
            f"train.jsonl:{line}" for line in range(1, 7)
        ]


def test_what_is_not_required_may_be_absent(
    folder: Path, write: Write, tokenizer: Tokenizer
) -> None:
    write(
        folder / "a.jsonl", [{"image": "pictures/0.png", "text": "x"}, {"image": None, "text": "y"}]
    )
    config = DataConfig(required=["text"])
    source = open_source(folder / "a.jsonl")
    for megabytes in (0, 10):
        config = config.model_copy(update={"cache_megabytes": megabytes})
        data = Dataset(source, config, tokenizer, training=True, seed=0)
        assert data.prepare() == []
        assert [list(data.sample(i, 0).values) for i in range(2)] == [["image", "text"], ["text"]]


def test_a_required_modality_needs_a_column(folder: Path, tokenizer: Tokenizer) -> None:
    source = open_source(folder / "train.jsonl", {"image": []})
    with pytest.raises(
        DataError, match=r"data\.required asks for image, but train\.jsonl has no c"
    ):
        Dataset(source, DataConfig(required=["image"]), tokenizer, training=True, seed=0)


def test_several_columns_at_evaluation(folder: Path, write: Write, tokenizer: Tokenizer) -> None:
    rows = [{"image": "pictures/0.png", "a": "", "b": "second"}, {"image": "pictures/0.png"}]
    write(folder / "a.jsonl", rows)
    source = open_source(folder / "a.jsonl", {"image": "image", "text": ["a", "b"]})
    data = Dataset(source, DataConfig(), tokenizer, training=False, seed=0)
    assert tokenizer.decode(data.sample(0, 0).values["text"]) == "second"
    with pytest.raises(BrokenSample, match="no text: columns 'a', 'b' are all empty"):
        data.sample(1, 0)


def test_describing(dataset: Build, folder: Path) -> None:
    data = dataset(training=False)
    data.prepare()
    index = data.index_of("train.jsonl:5")
    assert index == 4
    assert data.describe(index) == {
        "id": "train.jsonl:5",
        "text": "a dark square",
        **NO_FILES,
        "image": str(folder / "pictures/4.png"),
    }
    assert data.image_bytes(index) == (folder / "pictures/4.png").read_bytes()
    with pytest.raises(
        DataError, match=r"has no sample 'x:1'; one that it has is 'train\.jsonl:1'"
    ):
        data.index_of("x:1")


def test_a_set_that_turns_out_too_large_is_read_from_files(
    folder: Path, write: Write, tokenizer: Tokenizer
) -> None:
    for number in range(40):
        copyfile(folder / "pictures/0.png", folder / f"{number}.png")
    write(folder / "a.jsonl", [{"image": f"{n}.png", "text": "x"} for n in range(40)])
    source = open_source(folder / "a.jsonl")
    config = DataConfig(image={"size": 128}, cache_megabytes=1)  # 40 pictures take 1.97 MB
    data = Dataset(source, config, tokenizer, training=False, seed=0)
    told: list[int] = []
    assert data.prepare(lambda done, total: told.append(done)) == []
    assert len(told) < 40
    assert data.sample(39, 0).values["image"].shape == (3, 128, 128)


def test_pictures_inside_a_table(folder: Path, tokenizer: Tokenizer) -> None:
    data = (folder / "pictures/1.png").read_bytes()
    rows = [
        {"image": {"bytes": data, "path": "x.png"}, "text": "x"},
        {"image": {"bytes": None, "path": "pictures/1.png"}, "text": "x"},
        {"image": {"bytes": b"", "path": None}, "text": "x"},
        {"image": {"bytes": None, "path": None}, "text": "x"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    source = open_source(folder / "a.parquet")
    opened = Dataset(source, DataConfig(), tokenizer, training=False, seed=0)
    first, second = opened.sample(0, 0), opened.sample(1, 0)
    assert torch.equal(first.values["image"], second.values["image"])
    assert opened.image_bytes(0) == opened.image_bytes(1) == data
    assert opened.describe(0)["image"] is None
    assert opened.describe(3) == {"id": "a.parquet:3", "text": "x", **NO_FILES}
    assert opened.image_bytes(3) is None
    assert [one.reason for one in opened.prepare()] == [
        "picture in the table: the file is empty (0 bytes)",
        "no image: column 'image' is empty",
    ]


def test_caption_file_that_is_not_utf8(tmp_path: Path, tokenizer: Tokenizer) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("Käse".encode("latin-1"))
    data = Dataset(open_source(tmp_path), DataConfig(), tokenizer, training=False, seed=0)
    assert json.loads(json.dumps([one.reason for one in data.prepare()])) == [
        "text: not UTF-8 (character 2)"
    ]
