"""Random changes to a decoded picture, drawn anew each epoch.

Every draw comes from a generator that the caller seeds by (seed, epoch, row), so a resumed run
repeats the same pictures without saving any generator's state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from pydantic import Field, model_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.data.fit import Colour
from sensorium.data.frame import Frame, whole


class AugmentConfig(Config):
    """Which random changes a training picture gets; shifting is the only one on by default."""

    shift: float = Field(default=0.0625, ge=0, lt=1)
    """Move the picture by up to this share of its size, along each axis; the background shows."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Cut out a random part of the picture with an area in this range of shares, and enlarge it."""
    flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of mirroring left and right; off, because text and many signs have a side."""
    flip_vertical: float = Field(default=0.0, ge=0, le=1)
    """Probability of mirroring top and bottom, for pictures that have neither, as from a
    microscope or from above."""
    colour_jitter: float = Field(default=0.0, ge=0, le=1)
    """Brightness, contrast and saturation each change by up to this share."""
    randaugment_operations: int = Field(default=0, ge=0)
    """How many operations of the RandAugment set each picture gets."""
    randaugment_magnitude: float = Field(default=0.3, ge=0, le=1)
    """Strength of those operations, a share of the strongest."""

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> AugmentConfig:
        low, high = self.scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"scale: expected 0 < low <= high <= 1, got {list(self.scale)}")
        return self

    @property
    def bends(self) -> bool:
        """Whether places in the picture move in a way that no frame says."""
        return self.randaugment_operations > 0


def augment(picture: Tensor, config: AugmentConfig, background: Colour, draw: Random) -> Tensor:
    """A changed copy of `picture` (or the same tensor, where nothing is to change).

    Args:
        picture: uint8 [3, H, W], not written to.
        background: red, green, blue, 0 to 255; shows where the picture moved away.
        draw: the source of all chance.

    Returns:
        uint8 [3, H, W].
    """
    return augment_in_frame(picture, config, background, draw).picture


class Changed(NamedTuple):
    """A changed picture, and where what it shows comes from.

    Attributes:
        picture: uint8 [3, H, W].
        frame: the part of the picture before that it shows.
        real: the part of itself that is not background which came in from the side.
    """

    picture: Tensor
    frame: Frame
    real: Frame


def augment_in_frame(
    picture: Tensor, config: AugmentConfig, background: Colour, draw: Random
) -> Changed:
    """As `augment`. Of what RandAugment turns and bends, no frame can tell
    (`AugmentConfig.bends`)."""
    height, width = picture.shape[1:]
    frame = real = whole(height, width)
    if config.scale != (1.0, 1.0) or config.colour_jitter or config.randaugment_operations:
        picture, frame = _with_pillow(picture, config, background, draw)
    if config.flip and draw.random() < config.flip:
        picture, frame = picture.flip(2), Frame(width, 0, 0, height).of(frame, height, width)
    if config.flip_vertical and draw.random() < config.flip_vertical:
        picture, frame = picture.flip(1), Frame(0, height, width, 0).of(frame, height, width)
    if config.shift:
        down = _whole(draw, config.shift * height)
        right = _whole(draw, config.shift * width)
        picture = _shifted(picture, down, right, background)
        moved = Frame(-right, -down, width - right, height - down)
        frame = moved.of(frame, height, width)
        real = Frame(max(right, 0), max(down, 0), width + min(right, 0), height + min(down, 0))
    return Changed(picture, frame, real)


def _whole(draw: Random, limit: float) -> int:
    """A whole number of pixels between -limit and limit, each equally likely."""
    limit = int(limit)
    return math.floor(draw.random() * (2 * limit + 1)) - limit


def _shifted(picture: Tensor, down: int, right: int, background: Colour) -> Tensor:
    """NumPy and not torch: a third of the time for a small picture, and this runs for every one."""
    height, width = picture.shape[1:]
    canvas = np.empty(picture.shape, dtype=np.uint8)
    canvas[:] = np.array(background, dtype=np.uint8)[:, None, None]
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    from_rows = slice(max(-down, 0), height - max(down, 0))
    from_columns = slice(max(-right, 0), width - max(right, 0))
    canvas[:, rows, columns] = picture.numpy()[:, from_rows, from_columns]
    return torch.from_numpy(canvas)


def _with_pillow(
    picture: Tensor, config: AugmentConfig, background: Colour, draw: Random
) -> tuple[Tensor, Frame]:
    image = Image.fromarray(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()))
    frame = whole(*picture.shape[1:])
    if config.scale != (1.0, 1.0):
        frame = Frame(*_random_box(image.size, config.scale, draw))
        image = image.resize(image.size, Image.Resampling.BICUBIC, box=frame)
    if config.colour_jitter:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(1 + config.colour_jitter * draw.uniform(-1, 1))
    for _ in range(config.randaugment_operations):
        operation = OPERATIONS[math.floor(draw.random() * len(OPERATIONS))]
        sign = -1 if draw.random() < 0.5 else 1
        image = operation(image, sign * config.randaugment_magnitude, background)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous(), frame


def _random_box(
    size: tuple[int, int], scale: tuple[float, float], draw: Random
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a random part; its shape varies between 3:4 and 4:3."""
    area = draw.uniform(*scale)
    stretch = math.exp(draw.uniform(-1, 1) * math.log(4 / 3) / 2)
    width = size[0] * min(1.0, math.sqrt(area) * stretch)
    height = size[1] * min(1.0, math.sqrt(area) / stretch)
    left, top = draw.random() * (size[0] - width), draw.random() * (size[1] - height)
    return left, top, left + width, top + height


def _affine(image: Image.Image, matrix: tuple[float, ...], fill: Colour) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill
    )


Operation = Callable[[Image.Image, float, Colour], Image.Image]

OPERATIONS: list[Operation] = [
    lambda image, strength, fill: ImageOps.autocontrast(image),
    lambda image, strength, fill: ImageOps.equalize(image),
    lambda image, strength, fill: ImageOps.posterize(image, 8 - round(4 * abs(strength))),
    lambda image, strength, fill: ImageOps.solarize(image, 256 - round(256 * abs(strength))),
    lambda image, strength, fill: ImageEnhance.Color(image).enhance(1 + 0.9 * strength),
    lambda image, strength, fill: ImageEnhance.Contrast(image).enhance(1 + 0.9 * strength),
    lambda image, strength, fill: ImageEnhance.Brightness(image).enhance(1 + 0.9 * strength),
    lambda image, strength, fill: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * strength),
    lambda image, strength, fill: image.rotate(
        30 * strength, Image.Resampling.BILINEAR, fillcolor=fill
    ),
    lambda image, strength, fill: _affine(image, (1, 0.3 * strength, 0, 0, 1, 0), fill),
    lambda image, strength, fill: _affine(image, (1, 0, 0, 0.3 * strength, 1, 0), fill),
]
"""The RandAugment set at a strength in [-1, 1], without the shifts that `shift` already gives.

Source: Cubuk et al. 2020, "RandAugment: Practical automated data augmentation".
"""
