"""Places of a picture: its tokens as the grid that they were cut from, the middle of each place,
and boxes in pixels of the file.

Shapes: B batch, K <= B pictures, N tokens, D width, R x S patches, r x s places.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.batch import Batch
from sensorium.layers.patches import choose_patches

LARGEST_EXPONENT = 6.0
"""Of what a place says of how far its box reaches, in powers of e."""


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


def places_of(rows: int, columns: int, stride: float, device: torch.device) -> Tensor:
    """[rows x columns, 2]: the middle of each place, x and y in pixels, row by row."""
    y = (torch.arange(rows, device=device) + 0.5) * stride
    x = (torch.arange(columns, device=device) + 0.5) * stride
    return torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], dim=2).flatten(0, 1)


def in_file(batch: Batch, rows: Int[Tensor, " K"], boxes: Tensor) -> Tensor:
    """Boxes [K, 4] or [K, G, 4] in the pictures of some samples as their files have them; as they
    are where a batch says no frame."""
    height, width = batch.inputs["image"].values.shape[-2:]
    frames = batch.targets.get("frame")
    if frames is None:
        return boxes
    own = torch.tensor([0.0, 0.0, width, height], device=boxes.device)
    frames = torch.where(frames.isnan(), own, frames).index_select(0, rows)
    return through(boxes, frames if boxes.dim() == 2 else frames[:, None], height, width)


def through(boxes: Tensor, frame: Tensor, height: int, width: int) -> Tensor:
    """Boxes in a picture of this size as the file has them of which it shows a `frame` [..., 4],
    left, top, right, bottom; broadcast. Through a mirrored one left stays before right."""
    start, end = frame[..., :2], frame[..., 2:]
    scale = (end - start) / torch.tensor([width, height], dtype=frame.dtype, device=frame.device)
    a, b = boxes[..., :2] * scale + start, boxes[..., 2:] * scale + start
    return torch.cat([torch.minimum(a, b), torch.maximum(a, b)], dim=-1)
