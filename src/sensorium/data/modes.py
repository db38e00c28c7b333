"""Pixels in whatever way a picture file stores them -> red, green and blue, 8 bits each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor

from sensorium.data.fit import Colour
from sensorium.data.quarantine import BrokenSample

BITS_TAG, PHOTOMETRIC_TAG, WHITE_IS_ZERO = 258, 262, 0


Key = int | tuple[int, int, int]
"""The colour that a PNG calls transparent: a grey level, or red, green and blue."""


def eight_bit_key(key: Key, bits: int) -> Key:
    """A colour that was written at so many bits a level, at 8 of them."""
    if isinstance(key, int):
        return (key * 255 + (2**bits - 1) // 2) // (2**bits - 1)
    if bits == 16:
        red, green, blue = (level >> 8 for level in key)  # as Pillow makes its pixels of 16 bits
        return red, green, blue
    return key


def as_rgb(image: Image.Image, background: Colour) -> Image.Image:
    """RGB, 8 bits a channel, with transparent pixels showing the background.

    Args:
        image: a loaded one.

    Raises:
        BrokenSample: the levels have no fixed range.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        image = _eight_bits(image)
    if image.mode in ("I", "F"):
        raise BrokenSample(
            f"32-bit pixels (mode {image.mode}) have no fixed range; save it with 8 or 16 bits"
        )
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    canvas = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def image_pixels(image: Image.Image) -> Tensor:
    """uint8 [H, W, C] of an RGB picture, not to be written to: its own memory where that is whole.

    Pillow keeps four bytes a pixel, and copies them to hand out three. Through Arrow nothing is
    copied, except from a picture so large (4 million pixels) that it lies in several blocks.
    """
    try:
        stored = pa.array(image)
    except ValueError:
        return torch.from_numpy(np.array(image))
    return torch.from_dlpack(stored.values).view(image.height, image.width, -1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of 9 to 16 bits, scaled and not clipped."""
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    top = 2 ** tags.get(BITS_TAG, (16,))[0] - 1
    levels = np.asarray(image).astype(np.uint32)
    if tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO:
        levels = top - levels
    grey = Image.fromarray(((levels * 255 + top // 2) // top).astype(np.uint8))
    grey.info = image.info
    return grey
