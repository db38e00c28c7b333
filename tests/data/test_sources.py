"""Every format gives the same rows; columns are found as said, or guessed and said."""

import csv
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sensorium.data import Broken, open_source
from sensorium.errors import DataError

Write = Callable[[Path, list[Any]], None]
ROWS = [{"image": "a.png", "text": "one, two"}, {"image": "b.png", "text": "第二\n行"}]
NAMES = {"image": ["image"], "text": ["text"]}


def write_csv(path: Path, delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["image", "text"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_formats(tmp_path: Path, write: Write, suffix: str) -> None:
    path = tmp_path / f"train.{suffix}"
    if suffix == "jsonl":
        write(path, ROWS)
    elif suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        write_csv(path, {"csv": ",", "tsv": "\t"}[suffix])
    source = open_source(path)
    first = {"jsonl": 1, "parquet": 0}.get(suffix, 2)  # a CSV has its header in line 1
    assert [source.row(i).values for i in range(len(source))] == ROWS
    assert [source.id(i) for i in range(2)] == [f"train.{suffix}:{first + i}" for i in range(2)]
    assert source.row(0).folder == tmp_path
    assert source.fields == NAMES
    assert source.name == f"train.{suffix}"
    assert not source.broken
    assert pickle.loads(pickle.dumps(source)).row(1) == source.row(1)
    assert len(source.table.fingerprint()) == 64


def test_parquet_rows_over_several_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensorium.data.parquet.KEPT_BYTES", 1)
    rows = [{"image": {"bytes": bytes([i]), "path": None}, "text": str(i)} for i in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=3)
    source = open_source(tmp_path / "a.parquet")
    assert [source.row(i).values for i in (9, 0, 5, 2, 3)] == [rows[i] for i in (9, 0, 5, 2, 3)]
    assert source.fields == NAMES


def test_what_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("hello")
    with pytest.raises(DataError, match=r"a\.parquet is not a Parquet file"):
        open_source(tmp_path / "a.parquet")


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_folder_with_metadata(tmp_path: Path, write: Write, suffix: str) -> None:
    path = tmp_path / f"metadata.{suffix}"
    if suffix == "jsonl":
        write(path, [{"file_name": "a.png", "text": "one"}])
    else:
        path.write_text("file_name,text\na.png,one\n")
    source = open_source(tmp_path)
    assert source.row(0).values == {"file_name": "a.png", "text": "one"}
    assert source.fields["image"] == ["file_name"]
    assert source.id(0) == f"metadata.{suffix}:{2 if suffix == 'csv' else 1}"


def test_folder_of_pictures_and_captions(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.JPG", "a.png", "deep/c.webp", ".hidden.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    (tmp_path / "a.txt").write_text(" a cat\n", encoding="utf-8")
    (tmp_path / "deep/c.txt").write_text("一只狗", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a caption")
    source = open_source(tmp_path)
    assert [source.id(i) for i in range(len(source))] == ["a.png", "b.JPG", "deep/c.webp"]
    assert [source.row(i).values.get("text") for i in range(3)] == ["a cat", None, "一只狗"]
    assert source.fields == {"image": ["file_name"], "text": ["text"]}
    before = source.table.fingerprint()
    (tmp_path / "b.txt").write_text("new")
    assert open_source(tmp_path).table.fingerprint() != before


def test_folder_of_pictures_without_captions(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"no column could be guessed to be the text.*=\[\] for n"):
        open_source(tmp_path)
    assert open_source(tmp_path, {"text": []}).fields == {"image": ["file_name"]}
    lenient = open_source(tmp_path, strict=False)
    assert lenient.fields == {"image": ["file_name"]}
    assert "no column could be guessed to be the text" in lenient.notes[1]


def test_folder_of_nothing(tmp_path: Path, write: Write) -> None:
    with pytest.raises(
        DataError, match=r"expected metadata\.jsonl or metadata\.csv or picture files, sound f"
    ):
        open_source(tmp_path)
    write(tmp_path / "train.jsonl", ROWS)
    with pytest.raises(DataError, match=r"found none; name one of its files: train\.jsonl"):
        open_source(tmp_path)


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    good = json.dumps(ROWS[0])
    lines = [good, "{not json", '["a list"]', "", good, "text"]
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"text": "\xff"}\n')
    source = open_source(tmp_path / "a.jsonl")
    assert [source.id(i) for i in range(len(source))] == ["a.jsonl:1", "a.jsonl:5"]
    reasons = {one.id: one.reason for one in source.broken}
    assert list(reasons) == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:6", "a.jsonl:7"]
    assert reasons["a.jsonl:2"].startswith("the line is not JSON (Expecting property name")
    assert reasons["a.jsonl:3"] == "expected a JSON object on the line, got list"
    assert reasons["a.jsonl:7"] == "the line is not UTF-8 (byte 10)"


def test_csv_records_of_another_length(tmp_path: Path) -> None:
    text = '\ufeffimage,text\na.png,"two\nlines"\nb.png\nc.png,x,y\n\nd.png,z\n'
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    source = open_source(tmp_path / "a.csv")
    assert [source.id(i) for i in range(len(source))] == ["a.csv:2", "a.csv:7"]
    assert source.broken == [
        Broken("a.csv:4", "expected 2 cells as in line 1, got 1"),
        Broken("a.csv:5", "expected 2 cells as in line 1, got 3"),
    ]


def test_csv_with_two_columns_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,image\na.png,b.png\n")
    with pytest.raises(DataError, match="expected distinct column names in line 1"):
        open_source(tmp_path / "a.csv")


def test_no_rows_and_no_format(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("nothing\n")
    with pytest.raises(
        DataError, match=r"expected rows, found none.*; the first: the line is not J"
    ):
        open_source(tmp_path / "a.jsonl")
    (tmp_path / "a.doc").write_text("{}")
    with pytest.raises(DataError, match=r"ends in \.jsonl, \.csv, .*, \.json, got '\.doc'"):
        open_source(tmp_path / "a.doc")
    with pytest.raises(DataError, match="expected a file or a folder"):
        open_source(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("row", "image", "text"),
    [
        ({"id": "7", "Image": "x", "Caption": "a cat"}, "Image", "Caption"),
        ({"caption": "c", "text": "t", "path": "a/b.PNG"}, "path", "text"),
        ({"where": "a.jpeg", "tag": "x", "words": "some longer words"}, "where", "words"),
        ({"file_name": "a.xyz", "shot": "a.gif", "title": "t"}, "shot", "title"),
        ({"jpg": {"bytes": None, "path": "a.png"}, "said": ["one", "two"]}, "jpg", "said"),
    ],
)
def test_guesses(tmp_path: Path, write: Write, row: dict[str, Any], image: str, text: str) -> None:
    write(tmp_path / "a.jsonl", [row, row])
    source = open_source(tmp_path / "a.jsonl")
    assert source.fields == {"image": [image], "text": [text]}
    assert source.notes[0] == (
        f"a.jsonl: image guessed as column {image!r} of {', '.join(row)}; "
        "to change it: data.fields.image=COLUMN"
    )
    assert f"text guessed as column {text!r}" in source.notes[1]


def test_what_is_said_is_not_guessed(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.jsonl", [{"image": "a.png", "text": "x", "text_zh": "猫"}])
    source = open_source(tmp_path / "a.jsonl", {"image": "image", "text": ["text_zh", "text"]})
    assert source.fields == {"image": ["image"], "text": ["text_zh", "text"]}
    assert source.notes == []


def test_wrong_names_get_the_nearest(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.jsonl", ROWS)
    path = tmp_path / "a.jsonl"
    with pytest.raises(DataError, match=r"a\.jsonl has no column 'txt'; did you mean 'text'\?"):
        open_source(path, {"text": "txt"})
    with pytest.raises(DataError, match=r"has no 'images'; did you mean 'image'\?"):
        open_source(path, {"images": "image"})
    with pytest.raises(DataError, match=r"no column 'zzz'\. The columns are image, text"):
        open_source(path, {"text": "zzz"})


def test_lenient_opening_guesses_what_is_not_there(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.jsonl", ROWS)
    source = open_source(tmp_path / "a.jsonl", {"image": "photo", "text": "text"}, strict=False)
    assert source.fields == NAMES
    assert source.notes[0] == "a.jsonl: has no column 'photo' for the image"


def test_nothing_of_use(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.jsonl", [{"label": 1, "score": 0.5}])
    with pytest.raises(
        DataError, match=r"be the image; the columns are label, score\. Say it as d"
    ):
        open_source(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="no column of any modality; the columns are lab"):
        open_source(tmp_path / "a.jsonl", strict=False)


@pytest.mark.parametrize(
    ("row", "video", "image"),
    [
        ({"file_name": "a.mp4", "text": "a"}, "file_name", None),
        ({"clip": "a.MOV", "other.mkv": "x", "text": "a"}, "clip", None),
        ({"video": {"bytes": b"1", "path": None}, "text": "a"}, "video", None),
        ({"part": {"path": "a.webm", "start": 1.0, "end": 2.0}, "text": "a"}, "part", None),
        ({"picture": "a.png", "film": "a.avi", "text": "a"}, "film", "picture"),
        ({"picture": "a.gif", "text": "a"}, None, "picture"),
        ({"movie": "Casablanca", "picture": "a.png", "text": "a"}, None, "picture"),
    ],
)
def test_guessed_videos(
    tmp_path: Path, write: Write, row: dict[str, Any], video: str | None, image: str | None
) -> None:
    if any(isinstance(cell, dict) for cell in row.values()):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
        source = open_source(tmp_path / "a.parquet")
    else:
        write(tmp_path / "a.jsonl", [row])
        source = open_source(tmp_path / "a.jsonl")
    assert source.fields.get("video") == (video and [video])
    assert source.fields.get("image") == (image and [image])
    assert source.fields["text"] == ["text"]


SOUNDS = [
    ({"file_name": "a.WAV", "text": "one", "label": 1}, "file_name"),
    ({"heard": {"bytes": b"RIFF....WAVE", "path": None}, "text": "one"}, "heard"),
    ({"heard": {"bytes": b"", "path": "a.flac"}, "text": "one"}, "heard"),
    ({"heard": b"OggS", "text": "one"}, "heard"),
    ({"audio": {"path": "a.bin", "start": 1, "end": 2}, "text": "one"}, "audio"),
]


@pytest.mark.parametrize(("row", "audio"), SOUNDS)
def test_columns_of_sounds(tmp_path: Path, row: dict[str, Any], audio: str) -> None:
    """They are not taken for pictures, and a set of sounds and words needs no pictures."""
    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "a.parquet")
    source = open_source(tmp_path / "a.parquet")
    assert source.fields == {"text": ["text"], "audio": [audio]}


def test_three_modalities(tmp_path: Path, write: Write) -> None:
    row = {"file_name": "a.png", "heard": "a.mp3", "title": "t"}
    write(tmp_path / "a.jsonl", [row, row])
    path = tmp_path / "a.jsonl"
    fields = {"image": ["file_name"], "text": ["title"], "audio": ["heard"]}
    assert open_source(path).fields == fields
    del fields["text"]
    assert open_source(path, modalities=["image", "audio"]).fields == fields
    said = open_source(path, {"image": "file_name", "text": "title"}, modalities=["text"])
    assert said.fields == {"text": ["title"]}
    write(path, [{"title": "t", "file_name": "a.png"}])
    with pytest.raises(DataError, match="no column could be guessed to be the audio"):
        open_source(path, modalities=["text", "audio"])


def test_folder_of_sounds_and_captions(tmp_path: Path) -> None:
    for name in ("a.wav", "deep/b.OPUS", "cover.png", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("one")
    source = open_source(tmp_path)
    assert [source.id(i) for i in range(len(source))] == ["a.wav", "deep/b.OPUS"]
    assert source.fields == {"text": ["text"], "audio": ["file_name"]}
