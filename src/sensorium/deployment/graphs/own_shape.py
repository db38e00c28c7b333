"""Pictures of their own shape (`fit: native`) in a graph: every size by the same operations.

The encoder leaves padding out before its Transformer, so how many tokens there are depends on what
is in a batch, and it interpolates the learned positions for every different size in turn. A graph
can do neither. Here padding stays in its place, hidden from all, and positions are two products, of
which the weights are computed:

    E_pos(picture) = A(rows) E_pos A(columns)^T

What comes out at real patches is the same. `packed` brings it into the encoder's order.

Shapes: P pictures, H x W pixels, R x S patches, N = R S, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.batch import Encoding, Tokens
from sensorium.deployment.graphs.heads import Grid, Head
from sensorium.encoders.image import ImageEncoder
from sensorium.layers.patches import choose_patches, cut_patches, take_patches

SHARPNESS = -0.5
"""Of the cubic kernel with which PyTorch interpolates where it smooths, as Pillow does."""


class OwnShapeNetwork(nn.Module):
    """Pictures of any shape -> tokens of all their patches, which are real, one vector, and what
    heads say.

    Args:
        encoder: of the pictures.
        heads: those that read it alone.
    """

    def __init__(self, encoder: ImageEncoder, heads: Sequence[Head]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = list(heads)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """uint8 [P, 3, H, W], the smaller ones at the top left, and their patches [P, R, S]."""
        encoder, real = self.encoder, mask.flatten(1)
        patch_size, stem = encoder.patch_size, encoder.stem
        seen = mask.repeat_interleave(patch_size, 1).repeat_interleave(patch_size, 2)
        mean, deviation = (x[:, None, None] for x in (encoder.mean, encoder.deviation))
        stemmed = stem((values.float() - mean) / deviation, seen)
        patches = cut_patches(stemmed, patch_size // stem.stride)
        positions = positions_in_graph(encoder.positions, encoder.grid, mask)
        x, there = encoder.embed_patches(patches, positions, None, real)
        assert there is not None, "what is real was said"
        tokens = encoder.transformer(x, there)
        pooled = encoder.pool(tokens, there)
        encoding = Encoding(Tokens(tokens, there), pooled, real.any(dim=1))
        grid = tokens[:, -real.shape[1] :] * real[:, :, None]
        grid = Grid(grid.transpose(1, 2).unflatten(2, mask.shape[1:]), mask)
        said = [x for head in self.heads for x in head.compute(grid if head.grid else encoding)]
        return (tokens, there, pooled, *said)


def padded(values: Tensor, mask: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Pictures [P, 3, H, W] and their patches [P, R, S], padded until R and S are multiples of
    `step`, and no less than two of them."""
    rows, columns = (max(2 * step, -(-side // step) * step) - side for side in mask.shape[1:])
    patch_size = values.shape[2] // mask.shape[1]
    values = F.pad(values, (0, columns * patch_size, 0, rows * patch_size))
    return values, F.pad(mask, (0, columns, 0, rows), value=False)


def packed(tokens: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens of all patches [P, N, D] as the encoder has them: of every picture the real ones, side
    by side; and which of these are there. A class token is real, and stays before them."""
    index, there = choose_patches(real, 0.0, None)
    return take_patches(tokens, index), there


def positions_in_graph(positions: Tensor, old: tuple[int, int], mask: Tensor) -> Tensor:
    """As `positions_of_grids`, by products alone: [P, N, D].

    Args:
        positions: learned, of a grid of `old` rows and columns.
        mask: [P, R, S], True where a picture has a patch.
    """
    rows, columns = mask.any(dim=2).sum(dim=1), mask.any(dim=1).sum(dim=1)
    down = _weights(old[0], rows, torch.arange(mask.shape[1]))  # [P, R, old rows]
    across = _weights(old[1], columns, torch.arange(mask.shape[2]))  # [P, S, old columns]
    grid = positions.float().unflatten(0, old)
    resized = torch.einsum("pro,psc,ocd->prsd", down, across, grid)
    return (resized * mask[..., None]).flatten(1, 2).to(positions.dtype)


def _weights(old: int, new: Tensor, places: Tensor) -> Tensor:
    """How much each of `old` places has in each of the `new` [P] places, smoothed where there are
    fewer: [P, places, old]."""
    scale = old / new[:, None, None].float()
    own = places[None, :].minimum(new[:, None] - 1)  # of those beside a picture anything will do
    middle = scale * (own[:, :, None] + 0.5)
    away = (torch.arange(old) + 0.5 - middle) / scale.clamp(min=1)
    weights = _cubic(away.abs())
    return weights / weights.sum(dim=2, keepdim=True)


def _cubic(x: Tensor) -> Tensor:
    """Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing", equation 4."""
    a = SHARPNESS
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return near.where(x < 1, far.where(x < 2, torch.zeros_like(x)))
