"""Pictures with captions as real files, and a recipe that learns from them in a second."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "grey": (128,) * 3}
PLACES = ("top", "bottom", "left", "right", "middle")


def write_pairs(folder: Path, train: int = 12, test: int = 8) -> Path:
    """`train.jsonl` and `test.jsonl` with as many rows each, and their pictures; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    rows = []
    for number in range(train + test):
        colour, place = list(COLOURS)[number % 4], PLACES[number % 5]
        pixels = noise.integers(-20, 20, (16, 16, 3)) + COLOURS[colour]
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "text": f"a {colour} thing, {place} {number}"})
    write_rows(folder / "train.jsonl", rows[:train])
    write_rows(folder / "test.jsonl", rows[train:])
    return folder


def write_rows(path: Path, rows: list[Any]) -> None:
    """A JSONL file; a row that is a string is written as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines))


def read_rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def tiny_tree(data: Path, **train: Any) -> dict[str, Any]:
    """A recipe's tree: everything on, everything small; keywords go to `train`."""
    encoder = {"width": 16, "depth": 1, "heads": 2, "dropout": 0.1}
    return {
        "name": "tiny",
        "data": {
            "root": str(data),
            "train": "train.jsonl",
            "test": "test.jsonl",
            "image": {"size": 16, "augment": {"shift": 0.1, "flip": 0.5, "colour_jitter": 0.2}},
            "text": {"context_tokens": 12, "vocabulary": 300},
        },
        "model": {
            "encoders": {
                "image": encoder | {"patch_size": 4, "drop_patches": 0.5},
                "text": encoder,
            },
            "fusion": {"width": 16, "depth": 1, "heads": 2, "dropout": 0.1},
        },
        "tasks": {"contrastive": {"width": 8}, "matching": {}, "masked_language": {}},
        "train": {"batch_size": 4, "precision": "float32", "device": "cpu"} | train,
    }


def write_recipe(path: Path, tree: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(tree))
    return path
