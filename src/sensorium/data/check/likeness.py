"""Small marks of pictures and sounds by which copies are found again after they were changed.

A copy that was resized, compressed again or made a little louder keeps them. The idea is that of
the difference hash (N. Krawetz, "Kind of Like That", 2013): which of two neighbours is greater.
"""

from __future__ import annotations

import numpy as np

from sensorium.data.check.look import Likeness

HASH_SIDE = 8
GREY_SIDE = 8
COLOUR_SIDE = 4
DEAD_ZONE = 4
"""Neighbours whose levels (0 to 255) differ by no more count as equal, so that the noise of
compression turns no bit over in flat places."""


def picture_likeness(pixels: np.ndarray) -> Likeness:
    """Of a whole picture, brought to a square.

    Args:
        pixels: uint8 [3, side, side], side a multiple of 16 or so, for the grid to be even.
    """
    levels = pixels.astype(np.float32)
    grey = levels.mean(axis=0)
    colours = [_grid(one, COLOUR_SIDE, COLOUR_SIDE).ravel() for one in levels]
    signature = np.concatenate([_grid(grey, GREY_SIDE, GREY_SIDE).ravel(), *colours])
    return Likeness(
        _hash(_grid(grey, HASH_SIDE, HASH_SIDE + 1)), signature.round().astype(np.uint8)
    )


def _grid(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means over a grid of nearly equal cells, [rows, columns]."""
    heights = np.linspace(0, values.shape[0], rows + 1).astype(int)
    widths = np.linspace(0, values.shape[1], columns + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(values, heights[:-1], 0), widths[:-1], 1)
    return sums / np.outer(np.diff(heights), np.diff(widths))


def _hash(levels: np.ndarray) -> int:
    """A bit for each pair of neighbours in a row of [8, 9] levels: whether the right is greater."""
    bits = np.diff(levels, axis=1) > DEAD_ZONE
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
