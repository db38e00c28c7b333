"""Coloured pictures with classes, numbers and questions as real files, and a recipe for them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.pairs import COLOURS, tiny_tree, write_rows

EVERY = {
    "label": "colour",
    "number": "brightness",
    "answer": "answer",
    "question_type": "type",
}
LEARNS = {"classification": {}, "regression": {}, "question_answering": {}}


def write_labelled(folder: Path, train: int = 24, test: int = 12) -> Path:
    """`train.jsonl` and `test.jsonl`: a picture, its colour and brightness, a question about it."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    rows = []
    for number in range(train + test):
        colour = list(COLOURS)[number % 4]
        pixels = noise.integers(-20, 20, (16, 16, 3)) + COLOURS[colour]
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        asked = list(COLOURS)[(number // 4) % 4]
        named = {"question": "which colour is it", "answer": colour, "type": "colour"}
        is_it = {
            "question": f"is it {asked}",
            "answer": "yes" if asked == colour else "no",
            "type": "yes or no",
        }
        brightness = round(float(pixels.mean()), 2)
        row = {"file_name": f"{number}.png", "colour": colour, "brightness": brightness}
        rows.append(row | (named if number % 3 else is_it))
    write_rows(folder / "train.jsonl", rows[:train])
    write_rows(folder / "test.jsonl", rows[train:])
    return folder


def labelled_tree(data: Path, **train: Any) -> dict[str, Any]:
    """The tiny recipe's tree with these targets and their tasks; keywords go to `train`."""
    tree = tiny_tree(data, **train)
    tree["data"]["fields"] = {"image": "file_name", "text": "question"} | EVERY
    tree["data"]["image"]["augment"] = {}
    tree["tasks"] = dict(LEARNS)
    return tree
