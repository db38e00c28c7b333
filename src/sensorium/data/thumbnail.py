"""A picture file -> a small picture inside a page; and pixels -> a picture file."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image
from torch import Tensor

from sensorium.data.image import ImageConfig, decode_image


def thumbnail(image: bytes, side: int) -> str:
    """The whole picture in a square, upright, on white, as a data URI.

    It is decoded as pictures are for training, so all that a run reads can be shown.

    Args:
        image: the bytes of a picture file.
        side: pixels of the square.

    Raises:
        BrokenSample: it is empty, damaged, too large, or not a picture.
    """
    pixels = decode_image(image, ImageConfig(size=side, fit="pad"))
    return picture_inside(pixels, quality=85)


def picture_inside(pixels: Tensor, **options: Any) -> str:
    """A picture, uint8 [3, H, W], as a data URI; options are those of Pillow's WebP."""
    encoded = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(encoded, "WEBP", **options)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")


def as_png(pixels: Tensor) -> bytes:
    """uint8 [3, H, W] -> a picture file."""
    encoded = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(encoded, "PNG")
    return encoded.getvalue()
