"""Small real files, written anew for each test."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sensorium.data import DataConfig, Dataset, TextConfig, Tokenizer, open_source

NAMES = ["red", "green", "blue", "grey", "dark", "pale"]
COLOURS = [(200, 10, 10), (10, 200, 10), (10, 10, 200), (90, 90, 90), (20, 0, 20), (230, 220, 210)]


def picture_bytes(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """(image, format, **options) -> the bytes of its file."""
    return picture_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures, `pictures/N.png`, noise around a colour, and `train.jsonl` that names them."""
    (tmp_path / "pictures").mkdir()
    noise = np.random.default_rng(0)
    rows = []
    for number, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True)):
        pixels = np.array(colour) + noise.integers(0, 20, (12, 12, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"pictures/{number}.png")
        rows.append({"image": f"pictures/{number}.png", "text": f"a {name} square", "name": name})
    write_rows(tmp_path / "train.jsonl", rows)
    return tmp_path


def write_rows(path: Path, rows: list[Any]) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def write() -> Callable[[Path, list[Any]], None]:
    """(path, rows) -> a JSONL file; a row that is a string is written as it is."""
    return write_rows


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train([f"a {name} square" for name in NAMES], TextConfig(vocabulary=300))


@pytest.fixture
def dataset(folder: Path, tokenizer: Tokenizer) -> Callable[..., Dataset]:
    """(training=, **data settings) -> the dataset of `folder`, pictures of 8 x 8."""

    def build(*, training: bool = True, seed: int = 5, **settings: Any) -> Dataset:
        config = DataConfig(**{"image": {"size": 8, "augment": {"shift": 0.25}}, **settings})
        source = open_source(folder / "train.jsonl", config.fields)
        return Dataset(source, config, tokenizer, training=training, seed=seed)

    return build
