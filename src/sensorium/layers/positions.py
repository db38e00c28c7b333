"""Positions that are computed, not learned: any grid has them, of whatever size.

    p(y, x) = [sin(y w_0), ..., cos(y w_0), ..., sin(x w_0), ..., cos(x w_0), ...]

with w_k = 10000^(-k / (D / 4)) for k below D / 4.

Shapes: N places of a grid, row by row, D width.

Source: Vaswani et al. 2017, section 3.5; in two dimensions as He et al. 2022, "Masked Autoencoders
Are Scalable Vision Learners", have them.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LONGEST_PERIOD = 10_000


def sine_positions(
    rows: int, columns: int, width: int, device: torch.device | None = None
) -> Float[Tensor, "N D"]:
    """A vector for every place of a grid: half of it tells the row, half the column.

    Raises:
        ValueError: where the width is no multiple of four.
    """
    if width % 4:
        raise ValueError(f"expected a width that is a multiple of 4, got {width}")
    waves = LONGEST_PERIOD ** -(torch.arange(width // 4, device=device) / (width // 4))
    y, x = (torch.arange(size, device=device)[:, None] * waves for size in (rows, columns))
    y, x = (torch.cat([along.sin(), along.cos()], dim=1) for along in (y, x))
    grid = torch.cat([y[:, None].expand(-1, columns, -1), x.expand(rows, -1, -1)], dim=2)
    return grid.flatten(0, 1)
