"""Mean average precision as a function of sums over pictures, so that it has an interval.

The found boxes of a class, the surest first, are cut into bins; of each bin a picture says how many
of its boxes are right and how many wrong, and of each class how many there are. From the sums of
these over any pictures, each as often as it is drawn, follow precision and recall after every bin,
and from them the area that COCO takes: the mean over 101 recalls of the highest precision at that
recall or beyond. Where every box has a bin of its own, it is COCO's figure.

Shapes: P pictures, N boxes found, M boxes there are, C classes, K bins of a class, R any axes in
front, as of draws.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sensorium.tasks.places import matches
from sensorium.tasks.tally import Tally

BINS = 2000
"""Of all classes together."""

RECALLS = 101


def map_50_tally(
    rows: Int[Tensor, " P"],
    found: list[Tensor],
    truth: list[Tensor],
    classes: int,
) -> Tally:
    """The mean over classes of the average precision at an IoU of a half.

    Args:
        rows: the number of each picture, ascending.
        found: of each, [n, 6]: left, top, right, bottom, class, score, the surest first.
        truth: of each, [m, 6]: left, top, right, bottom, class, crowd.
        classes: C.
    """
    picture = torch.arange(len(found)).repeat_interleave(torch.tensor([len(n) for n in found]))
    places = torch.arange(len(truth)).repeat_interleave(torch.tensor([len(m) for m in truth]))
    boxes, there = torch.cat(found), torch.cat(truth)
    right, wrong = _judged(found, truth)
    bins, columns = max(1, BINS // classes), []
    for label in range(classes):
        own = boxes[:, 4] == label
        order = boxes[own, 5].argsort(descending=True, stable=True)
        number = torch.empty_like(order)
        number[order] = torch.arange(len(order)) * bins // max(len(order), bins)
        for kind in (right[own], wrong[own]):
            counts = torch.zeros(len(found), bins, dtype=torch.float64)
            at = (picture[own], number)
            columns.append(counts.index_put(at, kind.double(), accumulate=True))
        wanted = (there[:, 4] == label) & (there[:, 5] == 0)
        counts = torch.zeros(len(found), dtype=torch.float64)
        columns.append(counts.index_add(0, places, wanted.double())[:, None])
    return Tally(rows, torch.cat(columns, dim=1), partial(mean_average_precision, classes=classes))


def _judged(found: list[Tensor], truth: list[Tensor]) -> tuple[Tensor, Tensor]:
    """[N] bool each: which found boxes are right and which are wrong; in a crowd neither."""
    right: list[bool] = []
    wrong: list[bool] = []
    for one, there in zip(found, truth, strict=True):
        crowd = there[:, 5] > 0
        matched = torch.tensor(matches(one[:, :5], there[:, :5], crowd), dtype=torch.long)
        wrong += (matched < 0).tolist()
        right += [at >= 0 and not bool(crowd[at]) for at in matched.tolist()]
    return torch.tensor(right, dtype=torch.bool), torch.tensor(wrong, dtype=torch.bool)


def mean_average_precision(sums: Float[Tensor, "*R S"], classes: int) -> Float[Tensor, "*R"]:
    """From sums as `map_50_tally` has them; of classes of which there is none nothing is asked."""
    found = []
    for own in sums.unflatten(-1, (classes, -1)).unbind(dim=-2):
        right, wrong = own[..., :-1].unflatten(-1, (2, -1)).cumsum(dim=-1).unbind(dim=-2)
        precision = right / (right + wrong).clamp(min=1e-9)
        highest = precision.flip(-1).cummax(dim=-1).values.flip(-1)
        recall = right / own[..., -1:]
        asked = torch.from_numpy(np.linspace(0, 1, RECALLS)).expand(*recall.shape[:-1], -1)
        at = torch.searchsorted(recall.contiguous(), asked.contiguous())
        padded = torch.nn.functional.pad(highest, (0, 1))
        area = padded.gather(-1, at.clamp(max=recall.shape[-1])).mean(dim=-1)
        found.append(area.where(own[..., -1] > 0, torch.nan))
    return torch.stack(found).nanmean(dim=0)
