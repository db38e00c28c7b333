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
    return picture_inside(small_picture(image, side), quality=85)


def small_picture(image: bytes, side: int) -> Tensor:
    """The same as pixels, uint8 [3, side, side].

    Raises:
        BrokenSample: it is empty, damaged, too large, or not a picture.
    """
    return decode_image(image, ImageConfig(size=side, fit="pad"))


def picture_inside(pixels: Tensor, **options: Any) -> str:
    """A picture, uint8 [3, H, W], as a data URI; options are those of Pillow's WebP."""
    encoded = base64.b64encode(as_webp(pixels, **options)).decode("ascii")
    return f"data:image/webp;base64,{encoded}"


def as_webp(pixels: Tensor, **options: Any) -> bytes:
    """uint8 [3, H, W] -> a picture file; options are those of Pillow's WebP."""
    encoded = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(encoded, "WEBP", **options)
    return encoded.getvalue()


def as_png(pixels: Tensor) -> bytes:
    """uint8 [3, H, W] -> a picture file."""
    encoded = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(encoded, "PNG")
    return encoded.getvalue()
