"""The questions are answered anew here, from the pixels of the files and the words of the rows."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tests.benchmarks.scripts import load_script

sort_of_clevr = load_script("datasets/sort_of_clevr.py")
PICTURES = {"train": 40, "validation": 10, "test": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sort-of-clevr")
    counts = sort_of_clevr.build(folder, PICTURES, seed=3)
    assert counts == {"train": 800, "validation": 200, "test": 400}
    return folder


def rows_of(folder, split):
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def see(path):
    """Colour -> centre and shape of its object, from the pixels: a square fills its box."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape == (75, 75, 3)
    things = {}
    for name, colour in sort_of_clevr.COLOURS.items():
        rows, columns = (pixels == colour).all(axis=2).nonzero()
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height == width == 11, "whole, and covered by no other"
        shape = "square" if len(rows) == height * width else "circle"
        things[name] = ((columns.min() + width / 2, rows.min() + height / 2), shape)
    return things


def answer(question, things):
    words = question.rstrip("?").split()
    (colour,) = set(words) & set(things)
    (x, y), shape = things[colour]
    others = [name for name in things if name != colour]
    apart = {name: np.hypot(*np.subtract(things[name][0], (x, y))) for name in others}
    if "closest" in words:
        return things[min(others, key=apart.__getitem__)][1]
    if "furthest" in words:
        return things[max(others, key=apart.__getitem__)][1]
    if "many" in words:
        return str(Counter(shape for _, shape in things.values())[shape])
    if "left" in words:
        return "left" if x < 37.5 else "right"
    if "top" in words:
        return "top" if y < 37.5 else "bottom"
    return shape


def test_every_answer_is_that_of_the_pixels(folder):
    for split in PICTURES:
        seen = {path.name: see(path) for path in (folder / "images" / split).iterdir()}
        for row in rows_of(folder, split):
            things = seen[row["file_name"].rpartition("/")[2]]
            assert row["answer"] == answer(row["question"], things), row


def test_each_picture_has_ten_different_questions_of_each_kind(folder):
    rows = rows_of(folder, "train")
    kinds = Counter((row["file_name"], row["kind"]) for row in rows)
    assert set(kinds.values()) == {10}
    assert len(kinds) == 2 * PICTURES["train"]
    assert len({(row["file_name"], row["question"]) for row in rows}) == len(rows)


def test_the_code_says_what_the_sentence_says(folder):
    rows = rows_of(folder, "train")
    pairs = {(row["question"], row["code"], row["kind"]) for row in rows}
    assert len(pairs) == len({question for question, _, _ in pairs}) == 36
    for question, code, kind in pairs:
        colour, asked = code.split()
        assert colour in question.split()
        assert sort_of_clevr.ASKED[kind][asked].format(colour) == question


def test_parts_are_a_few_questions_about_one_picture(folder):
    parts = Counter((row["part"], row["file_name"]) for row in rows_of(folder, "train"))
    assert set(parts.values()) == {5}
    assert len({part for part, _ in parts}) == 4 * PICTURES["train"]


def test_the_kinds_of_the_test_are_its_rows(folder):
    parts = [row for kind in sort_of_clevr.ASKED for row in rows_of(folder, f"test-{kind}")]
    in_order = sorted(map(json.dumps, parts))
    assert in_order == sorted(map(json.dumps, rows_of(folder, "test")))


def test_a_picture_follows_from_seed_split_and_number(folder, tmp_path):
    sort_of_clevr.build(tmp_path, {"test": 3, "train": 5}, seed=3)
    for name in ("images/test/00002.png", "images/train/00004.png"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert rows_of(tmp_path, "train") == rows_of(folder, "train")[: 5 * 20]
    pictures = {path.read_bytes() for path in (folder / "images").rglob("*.png")}
    assert len(pictures) == sum(PICTURES.values()), "no picture twice"
    sort_of_clevr.build(tmp_path, {"test": 3}, seed=4)
    assert rows_of(tmp_path, "test") != rows_of(folder, "test")[:60]


def test_a_question_with_two_right_answers_is_not_asked():
    thing = sort_of_clevr.Thing
    middle = thing("red", "square", 37, 37)
    scene = [middle, thing("green", "circle", 57, 37), thing("blue", "square", 17, 37)]
    assert sort_of_clevr.answers(scene, "closest", middle) == {"circle", "square"}
    assert sort_of_clevr.answers(scene, "horizontal", middle) == {"left", "right"}
    alike = [middle, thing("green", "circle", 57, 37), thing("blue", "circle", 17, 37)]
    assert sort_of_clevr.answers(alike, "closest", middle) == {"circle"}
    asked = [q["code"] for q in sort_of_clevr.ask(scene, "relational", sort_of_clevr.Random(0))]
    assert len(asked) == 7
    assert "red closest" not in asked
    assert "red furthest" not in asked
