"""What detection learns by: which places are to say which box, and how far they are from it.

    loss = sum over boxes, of   sum over places and classes of |y - p|^2 BCE(p, y)
                              + 2 sum over places of max_c y (1 - GIoU(box, truth))

y, from 0 to 1, is how well a place says its box (`assignment.py`); in a crowd, and beside the
picture, nothing that is said is wrong.

Shapes: K pictures, G boxes of one, A places, C classes.

Source: Li et al. 2020, "Generalized Focal Loss"; Feng et al. 2021 (TOOD).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.batch import ABSENT
from sensorium.tasks.assignment import assign
from sensorium.tasks.boxes import generalised_iou, iou
from sensorium.tasks.detection_head import Raw
from sensorium.tasks.places import RIGHT_FROM
from sensorium.tasks.task import Loss

BOX_WEIGHT = 2.0


def detection_loss(raw: Raw, places: Float[Tensor, "A 2"], truth: Float[Tensor, "K G 6"]) -> Loss:
    """The loss of some pictures, and how many of their boxes the best place says rightly.

    Args:
        raw: what the network says of every place.
        places: the middle of each.
        truth: left, top, right, bottom, class, crowd of every box.
    """
    there, labels, corners = to_be_found(truth), truth[..., 4].long(), truth[..., :4]
    given = assign(
        raw.logits.detach().sigmoid(),
        raw.boxes.detach(),
        places,
        corners,
        labels,
        there,
        raw.usable,
    )
    found = given.box >= 0
    own = given.box.clamp(min=0)
    wanted = torch.zeros_like(raw.logits)
    score = given.score[..., None]
    wanted = wanted.scatter(2, labels.clamp(min=0).gather(1, own)[..., None], score)
    of_class = quality_focal_loss(raw.logits, wanted).sum(dim=2)
    counted = ~_in_crowd(truth, places) | found
    if raw.usable is not None:
        counted &= raw.usable
    right_box = corners.gather(1, own[..., None].expand(-1, -1, 4))
    of_box = (1 - generalised_iou(raw.boxes, right_box)) * given.score * found
    total = (of_class * counted).sum() + BOX_WEIGHT * of_box.sum()
    return Loss(total, _right(raw, given.best, corners, labels, there))


def quality_focal_loss(
    logits: Float[Tensor, "*B"], wanted: Float[Tensor, "*B"]
) -> Float[Tensor, "*B"]:
    """|y - p|^2 BCE(p, y), of each.

    Source: Li et al. 2020, "Generalized Focal Loss", equation 5.
    """
    away = (wanted - logits.sigmoid()).square()
    return away * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def to_be_found(truth: Tensor) -> Tensor:
    """[K, G]: which boxes are to be found."""
    return (truth[..., 4] >= 0) & (truth[..., 5] == 0)


def _in_crowd(truth: Tensor, places: Tensor) -> Bool[Tensor, "K A"]:
    """Places in a crowd, or in what is hardly seen: whatever is said there is not wrong."""
    crowd = (truth[..., 5] > 0) & (truth[..., 4] != ABSENT)
    at = places[:, None]
    inside = (at > truth[:, None, :, :2]) & (at < truth[:, None, :, 2:4])
    return (inside.all(dim=3) & crowd[:, None]).any(dim=2)


def _right(raw: Raw, best: Tensor, corners: Tensor, labels: Tensor, there: Tensor) -> Tensor:
    """How many boxes their best place says rightly."""
    said = raw.boxes.gather(1, best[..., None].expand(-1, -1, 4))
    logits = raw.logits.gather(1, best[..., None].expand(-1, -1, raw.logits.shape[2]))
    near = iou(said, corners) >= RIGHT_FROM
    return (near & (logits.argmax(dim=2) == labels) & there).sum()
