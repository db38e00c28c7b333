"""Photographs to decode: made ones, the same everywhere, and real ones where they are at hand.

The made ones have, as photographs do, the more contrast the coarser the detail, and about as many
bytes as those of ImageNet (500 x 375 pixels, quality 90, 65 kB).
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

DETAILS = (4, 12, 40, 125, 375)
SHAPES = ((500, 375), (375, 500), (640, 360), (400, 400), (300, 90), (120, 160), (360, 640))
"""Widths and heights of a set whose pictures are of many shapes."""


def made_photographs(count: int, shapes: tuple[tuple[int, int], ...] = SHAPES[:1]) -> list[bytes]:
    """JPEG files, their shapes in turn."""
    return [_photograph(number, *shapes[number % len(shapes)]) for number in range(count)]


def real_photographs(count: int) -> list[bytes]:
    """The first JPEG files of the blood cells (640 x 480); none where the data are not there."""
    folder = data_folder() / "bccd/images"
    return [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))[:count]]


def data_folder() -> Path:
    """Where the public data sets lie: `SENSORIUM_DATA`, or ../shared/data."""
    return Path(os.environ.get("SENSORIUM_DATA", "../shared/data"))


def _photograph(number: int, width: int, height: int) -> bytes:
    chance = np.random.default_rng(number)
    pixels = np.full((height, width, 3), 128.0)
    for detail in DETAILS:
        size = (max(2, round(detail * width / 375)), max(2, round(detail * height / 375)))
        for colour in range(3):
            noise = Image.fromarray(chance.normal(size=size[::-1]).astype(np.float32))
            layer = np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
            pixels[:, :, colour] += layer * 60 / detail**0.35
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()
