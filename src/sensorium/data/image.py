"""A picture file of any usual kind -> uint8 [3, H, W], upright, over one background, one size.

Decoding is deterministic, so its result can be kept; what is random is in `augment.py`.
"""

from __future__ import annotations

import io
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageColor, UnidentifiedImageError
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.data.augment import AugmentConfig, Colour
from sensorium.data.quarantine import BrokenSample

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Pillow's names of what is decoded. A closed list: some of its others run outside programs."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")
"""File names that count as pictures where a folder or a column is looked through."""

SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""First bytes of those formats: a file that has one but cannot be opened is a damaged picture."""

ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the picture upright."""

_header_lock = Lock()


class ImageConfig(Config):
    """How a picture is brought to one size, and which random changes it gets in training."""

    size: int = Field(default=64, ge=1)
    """Pixels of each side of the square that the model sees."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """crop: shorter side to `size`, then the centre; pad: keep all; stretch: ignore the aspect."""
    background: str = "white"
    """Colour (name or #rrggbb) behind transparent pixels, beside padded and behind shifted ones."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes in training."""
    max_pixels: int = Field(default=64_000_000, ge=1)
    """A picture whose header promises more is refused before it is decoded."""

    @field_validator("background")
    @classmethod
    def _background_is_a_colour(cls, value: str) -> str:
        ImageColor.getrgb(value)
        return value

    @property
    def colour(self) -> Colour:
        """The background as red, green, blue, 0 to 255."""
        red, green, blue = ImageColor.getrgb(self.background)[:3]
        return red, green, blue


def decode_image(source: bytes | Path, config: ImageConfig) -> Tensor:
    """Decode one picture (a moving one: its first frame).

    Args:
        source: the bytes of a picture file, or its path.

    Returns:
        uint8 [3, size, size].

    Raises:
        BrokenSample: it is missing, empty, damaged, too large, or not a picture.
    """
    data = source if isinstance(source, bytes) else read_file(source)
    if not data:
        raise BrokenSample("the file is empty (0 bytes)")
    try:
        image = _open(data, config)
        image = _over_background(_upright(image), config.colour)
        image = fitted(image, config)
    except BrokenSample:
        raise
    except UnidentifiedImageError:
        raise BrokenSample(_why_unidentified(data)) from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise BrokenSample(f"the picture is truncated or damaged ({error})") from error
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def read_file(path: Path) -> bytes:
    """The bytes of the file.

    Raises:
        BrokenSample: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BrokenSample("the file is missing") from None
    except IsADirectoryError:
        raise BrokenSample("a folder, not a picture file") from None
    except (OSError, ValueError) as error:
        raise BrokenSample(f"the file cannot be read ({error})") from error


def _open(data: bytes, config: ImageConfig) -> Image.Image:
    """The picture with only its header read, and refused if that promises too many pixels."""
    with _header_lock:
        # Pillow warns of a bomb, or refuses it, by a limit of the whole process; ours replaces it.
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    width, height = image.size
    if width * height > config.max_pixels:
        raise BrokenSample(
            f"{width} x {height} pixels, more than data.image.max_pixels={config.max_pixels}: "
            "a decompression bomb?"
        )
    # A large JPEG decodes several times faster at a fraction of its size; twice ours loses nothing.
    image.draft(None, (2 * config.size, 2 * config.size))
    return image


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged note about the picture does not damage the picture
        return image
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _over_background(image: Image.Image, background: Colour) -> Image.Image:
    """RGB, 8 bits a channel, with transparent pixels showing the background."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        levels = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BrokenSample(
            f"32-bit pixels (mode {image.mode}) have no fixed range; save it with 8 or 16 bits"
        )
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def fitted(image: Image.Image, config: ImageConfig) -> Image.Image:
    size, bicubic = config.size, Image.Resampling.BICUBIC
    width, height = image.size
    if config.fit == "stretch":
        return image.resize((size, size), bicubic)
    if config.fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize((size, size), bicubic, box=(left, top, left + side, top + side))
    scale = size / max(width, height)
    small = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), bicubic)
    canvas = Image.new("RGB", (size, size), config.colour)
    canvas.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return canvas


def _why_unidentified(data: bytes) -> str:
    if data.startswith(SIGNATURES):
        return "the picture is truncated or damaged (its header cannot be read)"
    try:
        data[:512].decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < min(len(data), 512) - 4:
            return f"not a picture of a kind that is read here ({', '.join(FORMATS)})"
    return "not a picture: the file holds text"
