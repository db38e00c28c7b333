"""A look at a picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from sensorium.data.cells import Medium
from sensorium.data.check.likeness import picture_likeness
from sensorium.data.check.look import Fact, Look, Suspicion, content_hash
from sensorium.data.image import FORMATS, decode_image, read_file
from sensorium.data.settings import DataConfig

SIDE = 64
"""Pixels of the square that a picture is looked at in."""

BLACK = 10
"""Level, of 255, that no pixel of a black picture exceeds."""

FLAT = 2
"""Levels between the darkest and the brightest pixel of a picture that shows nothing."""

TINY = 8
"""Pixels of a side below which little can be seen."""


def look_at_image(medium: Medium, config: DataConfig) -> Look:
    """Decode a picture as training does, but whole, and look at it.

    Raises:
        BrokenSample: it cannot be decoded.
    """
    content = medium.content
    data = content if isinstance(content, bytes) else read_file(content)
    whole = config.image.model_copy(update={"size": SIDE, "fit": "stretch"})
    pixels = decode_image(data, whole).numpy()
    width, height, kind, frames = _header(data)
    suspicions = [*_of_levels(pixels), *_of_size(width, height)]
    if frames > 1:
        suspicions.append(Suspicion("moving picture", "only its first frame is a picture here"))
    facts: dict[str, Fact] = {
        "width_pixels": width,
        "height_pixels": height,
        "bytes": len(data),
        "size": f"{width} x {height}",
        "format": kind,
    }
    flat = any(one.kind in ("black", "constant") for one in suspicions)
    return Look(facts, content_hash(data), suspicions, None if flat else picture_likeness(pixels))


def _header(data: bytes) -> tuple[int, int, str, int]:
    """Width and height in pixels, format and mode, and the number of frames, of a good picture."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        kind = f"{image.format} {image.mode}"
        try:
            return width, height, kind, getattr(image, "n_frames", 1)
        except Exception:  # frames after the first may be damaged, and are not looked at
            return width, height, kind, 2


def _of_levels(pixels: np.ndarray) -> list[Suspicion]:
    highest = int(pixels.max())
    if highest <= BLACK:
        return [Suspicion("black", f"no pixel is brighter than {highest} of 255")]
    if np.ptp(pixels, axis=(1, 2)).max() <= FLAT:
        colour = "#" + "".join(f"{int(level):02x}" for level in pixels[:, 0, 0])
        return [Suspicion("constant", f"every pixel is {colour}")]
    return []


def _of_size(width: int, height: int) -> list[Suspicion]:
    if min(width, height) < TINY:
        return [Suspicion("tiny", f"{width} x {height} pixels")]
    return []
