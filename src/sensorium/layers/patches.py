"""Patch embedding: a grid of pixels becomes a sequence of vectors.

    x_patches = [x_p^1 E; x_p^2 E; ...; x_p^N E] + E_pos        N = HW / P^2

Shapes: B batch, C channels, H x W pixels, P patch size, N patches, K kept patches, D width.

Source: section 4.1 of the document; Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


def cut_patches(
    image: Shaped[Tensor, "B C H W"], patch_size: int | tuple[int, int]
) -> Shaped[Tensor, "B N patch_values"]:
    """Cut images into non-overlapping patches, row by row.

    With the patches as rows, the strided convolution of the usual implementation is one matrix
    product, and patches that are dropped in training are never multiplied.

    Args:
        patch_size: side of a patch, or its height and width.

    Returns:
        [B, N, C * P * P]; within a patch the order is channel, row, column, which is that of a
        convolution's weight, so `weight.flatten(1)` of one is the matrix E of the other.

    Raises:
        ValueError: where the patch size does not divide the height or the width.
    """
    B, C, H, W = image.shape
    P, Q = (patch_size, patch_size) if isinstance(patch_size, int) else patch_size
    if H % P or W % Q:
        raise ValueError(f"a picture of {H}x{W} pixels does not divide into patches of {P}x{Q}")
    # Cut with the channels last, so that the gradient of a stem's output has the layout of its own.
    grid = image.permute(0, 2, 3, 1).view(B, H // P, P, W // Q, Q, C)
    return grid.permute(0, 1, 3, 5, 2, 4).reshape(B, (H // P) * (W // Q), C * P * Q)


def join_patches(
    patches: Shaped[Tensor, "B N patch_values"], grid: tuple[int, int], patch_size: int
) -> Shaped[Tensor, "B C H W"]:
    """The images that `cut_patches` has cut, from a grid of rows and columns of square patches."""
    (rows, columns), P = grid, patch_size
    values = patches.view(len(patches), rows, columns, -1, P, P)
    return values.permute(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, rows * P, columns * P)


def draw_kept_patches(
    samples: int, patches: int, drop: float, generator: torch.Generator
) -> Int[Tensor, "B K"]:
    """For every sample its own random choice of the patches that are kept, in their order.

    Source: Li et al. 2023, "Scaling Language-Image Pre-training via Masking" (FLIP).
    """
    kept = max(1, round(patches * (1 - drop)))
    scores = torch.rand(samples, patches, generator=generator, device=generator.device)
    return scores.topk(kept, dim=1).indices.sort(dim=1).values


def choose_patches(
    real: Bool[Tensor, "B N"], drop: float, generator: torch.Generator | None
) -> tuple[Int[Tensor, "B K"], Bool[Tensor, "B K"]]:
    """Of every sample its real patches only, in their order, side by side from the first.

    Args:
        real: True where a patch is not padding; of every sample at least one.
        drop: share of them that every sample leaves out, by its own random choice.
        generator: draws that choice; needed only where something is dropped.

    Returns:
        The patches of each sample, and which of these are there; K is what the largest has.
    """
    N = real.shape[1]
    scores = real.to(torch.float32)
    if drop:
        scores = torch.rand(real.shape, generator=generator, device=real.device)
        scores = scores.masked_fill(~real, -1.0)
    counts = (real.sum(dim=1) * (1 - drop)).round().long().clamp(min=1)
    best = scores.topk(int(counts.max()), dim=1).indices
    there = torch.arange(best.shape[1], device=real.device) < counts[:, None]
    index = best.masked_fill(~there, N).sort(dim=1).values
    return index.clamp(max=N - 1), there


def hide_patches(
    real: Bool[Tensor, "B N"], share: float, generator: torch.Generator
) -> Bool[Tensor, "B N"]:
    """The patches that stay visible when of every sample a share of the real ones is hidden."""
    index, there = choose_patches(real, share, generator)
    N = real.shape[1]
    visible = real.new_zeros(len(real), N + 1)
    return visible.scatter(1, index.masked_fill(~there, N), True)[:, :N]


def take_patches(
    values: Shaped[Tensor, "B N D"], index: Int[Tensor, "B K"]
) -> Shaped[Tensor, "B K D"]:
    """Of every sample the patches `index`."""
    return values.gather(1, index[:, :, None].expand(-1, -1, values.shape[2]))


def resize_positions(
    positions: Float[Tensor, "N D"], old: tuple[int, int], new: tuple[int, int]
) -> Float[Tensor, "M D"]:
    """Interpolate a grid of learned positions (rows, columns) to another size, bicubically."""
    if old == new:
        return positions
    grid = positions.float().view(1, *old, -1).permute(0, 3, 1, 2)
    resized = torch.nn.functional.interpolate(
        grid, size=new, mode="bicubic", antialias=True, align_corners=False
    )
    return resized.permute(0, 2, 3, 1).flatten(0, 2).to(positions.dtype)


def positions_of_grids(
    positions: Float[Tensor, "N D"], old: tuple[int, int], grids: Bool[Tensor, "B R C"]
) -> Float[Tensor, "B RC D"]:
    """A grid of learned positions, interpolated to the grid of every sample; zero beside it.

    Args:
        grids: True where a sample has a patch: a rectangle from the top left.
    """
    R, C = grids.shape[1:]
    shapes = torch.stack([grids.any(dim=2).sum(dim=1), grids.any(dim=1).sum(dim=1)], dim=1)
    different, which = shapes.unique(dim=0, return_inverse=True)
    resized = [
        torch.nn.functional.pad(
            resize_positions(positions, old, (rows, columns)).view(rows, columns, -1),
            (0, 0, 0, C - columns, 0, R - rows),
        )
        for rows, columns in different.tolist()
    ]
    return torch.stack(resized).flatten(1, 2).index_select(0, which)
