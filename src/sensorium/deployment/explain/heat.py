"""Relevance over what it is of, for a page: pictures as data URIs, shades of words.

Warm speaks for what is said, cold against it; the stronger, the more.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

WARM, COLD = (222, 76, 14), (45, 86, 214)
STRONGEST = 0.82  # of a colour over what is below it, which is still to be seen

Grid = Sequence[Sequence[float]]


def peak_of(grids: Iterable[Grid]) -> float:
    """The strongest figure in some grids, for or against."""
    return max((abs(figure) for grid in grids for row in grid for figure in row), default=0.0)


def heat_map(grid: Grid, peak: float) -> str:
    """A pixel for each figure of a grid, to be stretched over the picture."""
    figures = np.array(grid, dtype=np.float64) / (peak or 1.0)
    pixels = np.zeros((*figures.shape, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(figures[..., None] >= 0, WARM, COLD)
    pixels[..., 3] = np.round(255 * STRONGEST * np.abs(figures).clip(0, 1))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def shade(figure: float, peak: float) -> str:
    """The colour behind a word, as a style sheet has it."""
    red, green, blue = WARM if figure >= 0 else COLD
    return f"rgba({red}, {green}, {blue}, {STRONGEST * abs(figure) / (peak or 1.0):.2f})"
