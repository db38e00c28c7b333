"""The tokens of a picture as the grid that they were cut from.

Shapes: K pictures, N tokens, D width, R x S patches.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.layers.patches import choose_patches


def grid_of(
    tokens: Float[Tensor, "K N D"], rows: int, columns: int, real: Bool[Tensor, "K R S"] | None
) -> Float[Tensor, "K D R S"]:
    """Tokens, after a class token if there is one, at the places of their patches; 0 where a
    picture has none.

    Args:
        rows, columns: of the grid.
        real: which patches are not padding; None: all. Of those the tokens are, side by side.
    """
    K, N, D = tokens.shape
    if real is None:
        return tokens[:, N - rows * columns :].transpose(1, 2).reshape(K, D, rows, columns)
    index, there = choose_patches(real.flatten(1), 0.0, None)
    values = tokens[:, N - index.shape[1] :] * there[:, :, None]
    grid = tokens.new_zeros(K, rows * columns, D)
    grid = grid.scatter_add(1, index[:, :, None].expand_as(values), values)
    return grid.transpose(1, 2).reshape(K, D, rows, columns)
