"""A picture file of any usual kind -> uint8 [3, H, W], upright, over one background, fitted.

Decoding is deterministic, so its result can be kept; what is random is in `augment.py`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from PIL import Image, ImageColor, UnidentifiedImageError
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.data.augment import AugmentConfig
from sensorium.data.fit import Colour, Fit, fitted, native_shape
from sensorium.data.modes import as_rgb, eight_bit_key, image_pixels
from sensorium.data.quarantine import BrokenSample

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
"""Pillow's names of what is decoded. A closed list: some of its others run outside programs."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".avif")
"""File names that count as pictures where a folder or a column is looked through."""

SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""First bytes of those formats: a file that has one but cannot be opened is a damaged picture."""

PNG_BITS_AT = 24
"""Where a PNG says how many bits its levels have, in bytes from its begin."""

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
FIRST_ON_ITS_SIDE = 5
"""From this orientation on, height and width change places."""

_header_lock = Lock()


class ImageConfig(Config):
    """To what size and shape a picture is brought, and which random changes it gets in training."""

    size: int = Field(default=64, ge=1)
    """Pixels of each side of the square that the model sees; with `fit: native`, of a square that
    no picture exceeds in area."""
    fit: Fit = "crop"
    """crop: shorter side to `size`, then the centre; pad: keep all; stretch: ignore the aspect;
    native: keep all and the aspect, shrunk to the area of the square, never enlarged."""
    patch_size: int = Field(default=8, ge=1)
    """With `fit: native`, what both sides are multiples of: model.encoders.image.patch_size."""
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
        uint8 [3, size, size], or of its own shape with `fit: native`.

    Raises:
        BrokenSample: it is missing, empty, damaged, too large, or not a picture.
    """
    with _explained(source, config) as image:
        _shrink_jpeg(image, config)
        image.load()
        pixels = image_pixels(_upright(as_rgb(image, config.colour), _orientation(image)))
        return fitted(pixels, config.fit, config.size, config.colour, config.patch_size)


def image_shape(source: bytes | Path, config: ImageConfig) -> tuple[int, ...]:
    """The shape that `decode_image` will give, but for turning it; only the header is decoded.

    Raises:
        BrokenSample: it is missing, empty, too large, or not a picture.
    """
    if config.fit != "native":
        return 3, config.size, config.size
    with _explained(source, config) as image:
        return 3, *native_shape(image.height, image.width, config.size, config.patch_size)


def image_size(source: bytes | Path, config: ImageConfig) -> tuple[int, int]:
    """Height and width of the picture in its file, upright; only the header is decoded.

    Raises:
        BrokenSample: it is missing, empty, too large, or not a picture.
    """
    with _explained(source, config) as image:
        turned = _orientation(image) >= FIRST_ON_ITS_SIDE
        return (image.width, image.height) if turned else (image.height, image.width)


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


@contextmanager
def _explained(source: bytes | Path, config: ImageConfig) -> Iterator[Image.Image]:
    """The picture with only its header read; whatever is wrong with it becomes `BrokenSample`."""
    data = source if isinstance(source, bytes) else read_file(source)
    if not data:
        raise BrokenSample("the file is empty (0 bytes)")
    try:
        yield _open(data, config)
    except BrokenSample:
        raise
    except UnidentifiedImageError:
        raise BrokenSample(_why_unidentified(data)) from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise BrokenSample(f"the picture is truncated or damaged ({error})") from error


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
    if (
        image.format == "PNG"
        and image.mode in ("L", "I;16", "RGB")
        and "transparency" in image.info
    ):
        image.info["transparency"] = eight_bit_key(image.info["transparency"], data[PNG_BITS_AT])
    return image


def _shrink_jpeg(image: Image.Image, config: ImageConfig) -> None:
    """Have a large JPEG decoded at half, a quarter or an eighth of its size, several times faster.

    What remains is no smaller than what is needed. Photographs that are shrunk so differ by half a
    level, on average, from those decoded whole.
    """
    width, height = image.size
    side = {
        "crop": min(width, height),
        "stretch": min(width, height),
        "pad": max(width, height),
        "native": math.sqrt(width * height),
    }[config.fit]
    scale = config.size / side
    if scale < 1:
        image.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged note about the picture does not damage the picture
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _why_unidentified(data: bytes) -> str:
    if data.startswith(SIGNATURES) or data[4:12] == b"ftypavif":
        return "the picture is truncated or damaged (its header cannot be read)"
    if b"\0" not in data[:512] and _is_text(data[:512]):
        return "not a picture: the file holds text"
    return f"not a picture of a kind that is read here ({', '.join(FORMATS)})"


def _is_text(begin: bytes) -> bool:
    """Whether it is UTF-8, which may break off within its last character."""
    try:
        begin.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(begin) - 4
    return True
