"""Boxes: how much two have in common, which of several that say the same stays.

    IoU(a, b) = |a and b| / |a or b|
    GIoU(a, b) = IoU(a, b) - (|c| - |a or b|) / |c|          c: the smallest box around both

Shapes: N and M boxes, each [left, top, right, bottom].

Source: Rezatofighi et al. 2019, "Generalized Intersection over Union".
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

TINY = 1e-7
"""Area that stands for none, so that nothing is divided by 0."""


def area(boxes: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N"]:
    """Of each, 0 where it is turned inside out."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(dim=-1)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The area that boxes have in common, and that of both; [..., 4] each, broadcast."""
    first, last = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (last - first).clamp(min=0).prod(dim=-1)
    return common, area(a) + area(b) - common


def iou(a: Float[Tensor, "*N 4"], b: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N"]:
    """Of each with the one at the same place."""
    common, both = overlap(a, b)
    return common / both.clamp(min=TINY)


def iou_matrix(a: Float[Tensor, "*B N 4"], b: Float[Tensor, "*B M 4"]) -> Float[Tensor, "*B N M"]:
    """Of every `a` with every `b`."""
    common, both = overlap(a[..., :, None, :], b[..., None, :, :])
    return common / both.clamp(min=TINY)


def generalised_iou(a: Float[Tensor, "*N 4"], b: Float[Tensor, "*N 4"]) -> Float[Tensor, "*N"]:
    """Of each with the one at the same place, from 1 to -1: it tells how far apart two are that
    have nothing in common."""
    common, both = overlap(a, b)
    first, last = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    around = (last - first).prod(dim=-1).clamp(min=TINY)
    return common / both.clamp(min=TINY) - (around - both) / around


def suppress(
    boxes: Float[Tensor, "N 4"],
    scores: Float[Tensor, " N"],
    labels: Int[Tensor, " N"],
    most: float,
) -> Int[Tensor, " K"]:
    """Non-maximum suppression: the places of the boxes that stay, the best first.

    Each takes away those of its class that score less and have more than `most` IoU with it. Of
    equal scores the first counts as the better.
    """
    order = scores.argsort(descending=True, stable=True)
    alike = (iou_matrix(boxes, boxes) > most) & (labels[:, None] == labels)
    alike = alike[order][:, order].cpu()
    stays = torch.ones(len(order), dtype=torch.bool)
    for place in range(len(order)):
        if stays[place]:
            stays[place + 1 :] &= ~alike[place, place + 1 :]
    return order[stays.to(order.device)]
