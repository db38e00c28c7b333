"""Which places of a picture are to say which of its boxes: those that already say it best.

    t = s^alpha u^beta                           s: score of the box's class, u: IoU with the box

Of the places inside a box the `top` of largest t are to say it; a place that several want says the
one with which it has the largest IoU. What a place is to score is t, scaled so that the best place
of each box is to score as much as its IoU: class and place are learned together.

Shapes: B pictures, A places, G boxes of a picture, C classes.

Source: Feng et al. 2021, "TOOD: Task-aligned One-stage Object Detection", section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.tasks.boxes import TINY, iou_matrix

ALPHA, BETA, TOP = 1.0, 6.0, 10


@dataclass(frozen=True)
class Assigned:
    """What every place is to say.

    Attributes:
        box: [B, A], the number of its box, of those of the picture; -1: there is none.
        score: [B, A], of that box's class; 0 where there is none.
        best: [B, G], the place that says each box best.
    """

    box: Int[Tensor, "B A"]
    score: Float[Tensor, "B A"]
    best: Int[Tensor, "B G"]


@torch.no_grad()
def assign(
    scores: Float[Tensor, "B A C"],
    said: Float[Tensor, "B A 4"],
    places: Float[Tensor, "A 2"],
    boxes: Float[Tensor, "B G 4"],
    labels: Int[Tensor, "B G"],
    real: Bool[Tensor, "B G"],
    usable: Bool[Tensor, "B A"] | None = None,
) -> Assigned:
    """Give the boxes of every picture to its places.

    Args:
        scores: of every class, 0 to 1.
        said: the box that each place says now.
        places: the middle of each, in pixels.
        boxes: to be found.
        labels: of those.
        real: which of them there are.
        usable: the places that lie in the picture; None: all.
    """
    B, A, _ = scores.shape
    G = boxes.shape[1]
    own_places = inside(places, boxes) & real[:, :, None]
    if usable is not None:
        own_places &= usable[:, None]
    index = labels.clamp(min=0)[:, None, :].expand(B, A, G)
    own = scores.gather(2, index).transpose(1, 2)  # [B, G, A]
    alike = iou_matrix(boxes, said)
    aligned = own.pow(ALPHA) * alike.pow(BETA)
    # Where nothing is aligned yet, the places nearest to the middle come first.
    ranked = (aligned + TINY * _centred(places, boxes)).masked_fill(~own_places, -1.0)
    top = min(TOP, A)
    chosen = torch.zeros_like(own_places).scatter(2, ranked.topk(top, dim=2).indices, True)
    chosen &= own_places
    wanted = alike.masked_fill(~chosen, -1.0)
    most, box = wanted.max(dim=1)
    box = box.masked_fill(most < 0, -1)
    given = chosen & (box[:, None] == torch.arange(G, device=box.device)[:, None])
    aligned, alike = aligned * given, alike * given
    scale = alike.amax(dim=2) / aligned.amax(dim=2).clamp(min=TINY**2)
    score = (aligned * scale[:, :, None]).amax(dim=1)
    return Assigned(box, score, ranked.argmax(dim=2))


def inside(places: Float[Tensor, "A 2"], boxes: Float[Tensor, "B G 4"]) -> Bool[Tensor, "B G A"]:
    """Which places lie in which boxes; in one without any, the nearest to its middle."""
    from_start = places - boxes[:, :, None, :2]
    to_end = boxes[:, :, None, 2:] - places
    inside = (torch.cat([from_start, to_end], dim=3) > 0).all(dim=3)
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    nearest = (places - middle[:, :, None]).square().sum(dim=3).argmin(dim=2, keepdim=True)
    near = torch.zeros_like(inside).scatter(2, nearest, True)
    return inside | (near & ~inside.any(dim=2, keepdim=True))


def _centred(places: Tensor, boxes: Tensor) -> Tensor:
    """[B, G, A]: 1 in the middle of a box, falling to 0."""
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    side = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1.0)
    away = ((places - middle[:, :, None]) / side[:, :, None]).square().sum(dim=3)
    return 1 / (1 + away)
