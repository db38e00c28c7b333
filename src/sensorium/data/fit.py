"""Pixels of any size -> the size and shape that the model sees.

torch resizes 8-bit pixels two to three times faster than Pillow, by the same formula; of shrunk
photographs about one value in thirty differs, by one level.

Shapes: H x W pixels, C channels, of which the first three are red, green, blue.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium.data.frame import Frame, whole

Colour = tuple[int, int, int]
Fit = Literal["crop", "pad", "stretch", "native"]

UNSEEN_BEND = 0.05
"""Change of a picture's aspect, as a share of it, that is worth more patches."""


def fitted(pixels: Tensor, fit: Fit, size: int, background: Colour, patch_size: int = 1) -> Tensor:
    """uint8 [H, W, C] -> uint8 [3, size, size], or a shape of its own with `fit="native"`."""
    height, width = pixels.shape[:2]
    if fit == "native":
        return resized(pixels, *native_shape(height, width, size, patch_size))
    if fit == "stretch":
        return resized(pixels, size, size)
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return resized(pixels[top : top + side, left : left + side], size, size)
    scale = size / max(height, width)
    small = resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = torch.tensor(background, dtype=torch.uint8)[:, None, None].repeat(1, size, size)
    top, left = (size - small.shape[1]) // 2, (size - small.shape[2]) // 2
    canvas[:, top : top + small.shape[1], left : left + small.shape[2]] = small
    return canvas


def frame_of_fit(height: int, width: int, fit: Fit, size: int) -> Frame:
    """What `fitted` takes of pixels [H, W, C]."""
    if fit in ("stretch", "native"):
        return whole(height, width)
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return Frame(left, top, left + side, top + side)
    scale = size / max(height, width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    down, across = height / inner[0], width / inner[1]
    return Frame(-left * across, -top * down, (size - left) * across, (size - top) * down)


def native_shape(height: int, width: int, size: int, patch_size: int) -> tuple[int, int]:
    """Height and width, multiples of the patch, of a picture that keeps its aspect.

    Of the grids of patches nearest to the picture, the least bent, and of those bent by no more
    than a twentieth the largest. None has a larger area than a square of `size`, and no picture is
    enlarged by more than the rounding to whole patches.

    Source: after Dehghani et al. 2023, "Patch n' Pack: NaViT", and NaFlex of Tschannen et al. 2025.
    """
    budget = max(1, size // patch_size) ** 2
    scale = min(1.0, math.sqrt(budget * patch_size**2 / (height * width))) / patch_size
    grids = [(r, c) for r in _nearest(height * scale) for c in _nearest(r * width / height)]
    grids += [(r, c) for c in _nearest(width * scale) for r in _nearest(c * height / width)]
    within = [(r, c) for r, c in grids if r * c <= budget] or [
        (1, budget) if width > height else (budget, 1)
    ]

    def worse(grid: tuple[int, int]) -> tuple[float, int]:
        bent = abs(math.log(grid[1] * height / (grid[0] * width)))
        return max(bent, UNSEEN_BEND), -grid[0] * grid[1]

    rows, columns = min(within, key=worse)
    return rows * patch_size, columns * patch_size


def _nearest(length: float) -> set[int]:
    """Whole numbers, at least 1, next to `length`."""
    return {max(1, math.floor(length)), math.ceil(length)}


def resized(pixels: Tensor, height: int, width: int) -> Tensor:
    """uint8 [H, W, C] -> uint8 [3, height, width], a copy, by an antialiased bicubic filter."""
    image = pixels.permute(2, 0, 1)[None]
    if image.shape[2:] != (height, width):
        image = F.interpolate(image, (height, width), mode="bicubic", antialias=True)
    return image[0, :3].clone(memory_format=torch.contiguous_format)
