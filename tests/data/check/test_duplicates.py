"""Copies are found, whatever was done to the file; different pictures are not taken for copies."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from sensorium.data.check import Report
from sensorium.data.check.duplicates import MOST_BITS, MOST_DIFFERENCE, Marks, alike, same


def scene(seed: int) -> Image.Image:
    """Blurred noise: as smooth as a photograph."""
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(9))
    return ImageEnhance.Contrast(blurred).enhance(8)


def write_set(folder: Path, pictures: list[bytes], captions: list[str] | None = None) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(picture)
        if captions is not None:
            (folder / f"{number}.txt").write_text(captions[number])
    return folder


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def groups(report: Report) -> list[tuple[bool, bool, list[str]]]:
    return [
        (group.kind == "same", group.leaks, [f"{one.set}/{one.id}" for one in group.members])
        for group in report.groups
    ]


def test_exact_and_near_copies_within_a_set(tmp_path: Path, check) -> None:
    first, second = scene(0), scene(1)
    pictures = [
        encoded(first),
        encoded(second),
        encoded(first),
        encoded(second, "JPEG", quality=60),
        encoded(second.resize((64, 48))),
        encoded(scene(2)),
        encoded(second.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    ]
    report = check(write_set(tmp_path / "a", pictures))
    assert groups(report) == [
        (True, False, ["a/0.png", "a/2.png"]),
        (False, False, ["a/1.png", "a/3.png", "a/4.png"]),
    ]
    assert report.counts()["exact_duplicates"] == report.counts()["near_duplicates"] == 1


def test_copies_in_several_sets_leak(tmp_path: Path, check) -> None:
    train = write_set(tmp_path / "train", [encoded(scene(n)) for n in range(4)])
    test = write_set(
        tmp_path / "test",
        [encoded(scene(9)), encoded(scene(2)), encoded(scene(3), "WEBP", quality=80)],
    )
    assert groups(check(train, test)) == [
        (True, True, ["train/2.png", "test/1.png"]),
        (False, True, ["train/3.png", "test/2.png"]),
    ]


def test_shared_captions_leak_only_where_there_is_nothing_else(
    tmp_path: Path, write, check
) -> None:
    captions = ["one thing", "another", "something else"]
    train = write_set(tmp_path / "train", [encoded(scene(n)) for n in range(3)], captions)
    test = write_set(tmp_path / "test", [encoded(scene(7))], ["One thing!"])
    assert groups(check(train, test)) == [(False, False, ["train/0.png", "test/0.png"])]
    write(tmp_path / "train.jsonl", [{"text": text} for text in captions])
    write(tmp_path / "test.jsonl", [{"text": "another"}])
    assert groups(check(tmp_path / "train.jsonl", tmp_path / "test.jsonl")) == [
        (True, True, ["train/train.jsonl:2", "test/test.jsonl:1"])
    ]


def test_names_of_classes_are_no_duplicated_captions(tmp_path: Path, write, check) -> None:
    write(tmp_path / "train.jsonl", [{"text": f"class {n % 2}"} for n in range(12)])
    report = check(tmp_path / "train.jsonl")
    assert not report.groups
    assert not report.suspicious
    assert report.sets[0].labels == {"text": {"class 0": 6, "class 1": 6}}


def test_many_pictures_that_are_all_different(tmp_path: Path, check) -> None:
    assert not check(write_set(tmp_path / "a", [encoded(scene(n)) for n in range(60)])).groups


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_groups_are_those_of_comparing_each_with_each(seed: int, count: int) -> None:
    """Below `NEIGHBOURS` samples nothing is passed over."""
    draw = np.random.default_rng(seed)
    marks = Marks(3)
    known = []
    for row in range(count):
        flips = sum(1 << int(bit) for bit in set(draw.integers(0, 64, draw.integers(0, 4))))
        signature = draw.integers(100, 112, 3).astype(np.uint8)
        marks.add((0, row), int(0xF0F0F0F0 ^ flips), signature)
        known.append((0xF0F0F0F0 ^ flips, signature.astype(int)))
    linked = {row: {row} for row in range(count)}
    for a in range(count):
        for b in range(a):
            bits = bin(known[a][0] ^ known[b][0]).count("1")
            if bits <= MOST_BITS and np.abs(known[a][1] - known[b][1]).max() <= MOST_DIFFERENCE:
                joined = linked[a] | linked[b]
                for one in joined:
                    linked[one] = joined
    expected = {tuple(sorted(group)) for group in linked.values() if len(group) > 1}
    assert {tuple(row for _, row in group) for group in alike(marks)} == expected


@pytest.mark.parametrize("find", [same, alike])
def test_nothing_is_like_nothing(find) -> None:
    assert find(Marks(4)) == []


def test_a_row_that_holds_a_thing_twice_is_no_duplicate() -> None:
    marks = Marks()
    for place in [(0, 1), (0, 1), (0, 2), (1, 2)]:
        marks.add(place, 7 if place == (0, 1) else 8)
    assert same(marks) == [[(0, 2), (1, 2)]]
