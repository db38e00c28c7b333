"""Each kind of damage and oddity is named, with its reason, and nothing else is."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sensorium.data.check import Report


def noise(seed: int, side: int = 32) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def reasons(report: Report) -> dict[str, str]:
    return {broken.id: broken.reason for one in report.sets for broken in one.broken}


def kinds(report: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for suspect in (suspect for one in report.sets for suspect in one.suspicious):
        found.setdefault(suspect.id, set()).add(suspect.suspicion.kind)
    return found


def test_a_hostile_folder_is_reported_and_crashes_nothing(tmp_path: Path, check) -> None:
    noise(0).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    noise(1).save(tmp_path / "half.jpg", quality=95)
    jpeg = (tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.png").write_text("not a picture")
    (tmp_path / "random.gif").write_bytes(os.urandom(999))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "good.txt").write_bytes(b"\xff\xfe\x00")
    found = reasons(check(tmp_path))
    assert set(found) == {
        *("cut.png", "half.jpg", "empty.png", "words.png", "random.gif", "good.png")
    }
    assert "truncated" in found["cut.png"]
    assert "truncated" in found["half.jpg"]
    assert "0 bytes" in found["empty.png"]
    assert "holds text" in found["words.png"]
    assert "not UTF-8" in found["good.png"]


def test_suspicious_pictures_are_named(tmp_path: Path, check) -> None:
    noise(0).save(tmp_path / "good.png")
    Image.new("RGB", (20, 20), (3, 2, 4)).save(tmp_path / "black.jpg")
    Image.new("RGB", (20, 20), (200, 30, 30)).save(tmp_path / "red.png")
    Image.new("RGBA", (20, 20), (200, 30, 30, 0)).save(tmp_path / "clear.png")
    noise(1, 4).save(tmp_path / "small.png")
    noise(2).save(tmp_path / "moving.gif", save_all=True, append_images=[noise(3), noise(4)])
    report = check(tmp_path)
    assert not report.broken
    assert kinds(report) == {
        "black.jpg": {"black"},
        "red.png": {"constant"},
        "clear.png": {"constant"},
        "small.png": {"tiny"},
        "moving.gif": {"moving picture"},
    }
    details = {suspect.id: suspect.suspicion.detail for suspect in report.sets[0].suspicious}
    assert details["red.png"] == "every pixel is #c81e1e"
    assert details["small.png"] == "4 x 4 pixels"
    assert report.sets[0].suspicions["constant"] == 2
    assert not report.groups, "black and constant pictures are no copies of each other"


def test_suspicious_captions_are_named(tmp_path: Path, write, check) -> None:
    for number in range(5):
        noise(number).save(tmp_path / f"{number}.png")
    captions = ["a red thing", "  ", "a red thing", "cafÃ© \ufffd", None]
    rows = [{"image": f"{n}.png", "text": text} for n, text in enumerate(captions)]
    write(tmp_path / "train.jsonl", rows)
    report = check(tmp_path / "train.jsonl")
    assert kinds(report) == {
        "train.jsonl:1": {"duplicated caption"},
        "train.jsonl:2": {"empty caption"},
        "train.jsonl:3": {"duplicated caption"},
        "train.jsonl:4": {"garbled caption"},
    }
    assert report.sets[0].suspicious[-2].suspicion.detail == "the same as that of train.jsonl:3"
    assert not report.broken
    (image, text) = report.sets[0].columns
    assert (image.samples, text.samples) == (5, 3)
    required = check(tmp_path / "train.jsonl", required=("text",))
    assert reasons(required) == {
        f"train.jsonl:{line}": "no text: nothing in 'text'" for line in (2, 5)
    }


def test_lines_that_are_no_rows_are_broken_too(tmp_path: Path, write, check) -> None:
    noise(0).save(tmp_path / "0.png")
    row = {"image": "0.png", "text": "a"}
    odd = {"image": 3, "text": ["b", 4.5, True]}
    write(tmp_path / "train.jsonl", [row, "{", odd, row])
    report = check(tmp_path / "train.jsonl")
    found = reasons(report)
    assert "not JSON" in found["train.jsonl:2"]
    assert "got int" in found["train.jsonl:3"]
    assert "got bool" in found["train.jsonl:3"]
    assert report.samples == 4


@pytest.mark.parametrize("format", ["PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF"])
def test_what_pictures_hold_is_measured(tmp_path: Path, check, format: str) -> None:
    noise(0, 40).resize((40, 20)).save(tmp_path / f"a.{format.lower()}", format)
    (column,) = check(tmp_path).sets[0].columns
    assert column.words["size"] == {"40 x 20": 1}
    assert next(iter(column.words["format"])).startswith(format)
    assert column.measures["width_pixels"].median == 40
    size = (tmp_path / f"a.{format.lower()}").stat().st_size
    assert column.measures["bytes"].total == size
