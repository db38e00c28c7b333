"""What a task that says places said of single samples, beside what is true: to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from sensorium.tasks.boxes import TINY, area, overlap

RIGHT_FROM = 0.5
"""IoU with its truth from which on a box counts as right."""


@dataclass(frozen=True)
class Place:
    """A box in pixels of the picture's file.

    Attributes:
        box: left, top, right, bottom.
        words: what is there.
        kind: number of that, for its colour.
        score: how sure that is, of what was told.
        right: whether it is there, of what was told; whether it was found, of what is true.
    """

    box: list[float]
    words: str
    kind: int
    score: float | None
    right: bool


@dataclass(frozen=True)
class Located:
    """One sample.

    Attributes:
        row: its number.
        told: the places that a person would be told.
        true: those that there are.
        score: from 0, all wrong, to 1.
    """

    row: int
    told: Sequence[Place]
    true: Sequence[Place]
    score: float


@runtime_checkable
class Locating(Protocol):
    """A task that says places."""

    def located(self, predictions: Mapping[str, Tensor]) -> list[Located]:
        """What it said of each sample that it was judged on."""
        ...


def matches(found: Tensor, truth: Tensor, crowd: Tensor) -> list[int]:
    """For every found box the number of the true one that it is right about; -1: there is none.

    The best goes first, and takes the free box of its class that it has most in common with. What
    lies in a crowd is of that, however many do, where no other box is there for it.

    Args:
        found: [N, 5], left, top, right, bottom, class, the best first.
        truth: [M, 5], the same.
        crowd: [M] bool, true boxes that need not be found.
    """
    common, both = overlap(found[:, None, :4], truth[:, :4])
    whole = torch.where(crowd, area(found[:, :4])[:, None], both).clamp(min=TINY)
    alike = (common / whole).masked_fill(found[:, 4:5] != truth[:, 4], 0.0)
    free = [at for at, own in enumerate(crowd.tolist()) if not own]
    crowds = [at for at, own in enumerate(crowd.tolist()) if own]
    matched = []
    for row in alike.tolist():
        chosen = -1
        for places in (free, crowds):
            best = max(places, key=row.__getitem__, default=None)
            if chosen < 0 and best is not None and row[best] >= RIGHT_FROM:
                chosen = best
        if chosen in free:
            free.remove(chosen)
        matched.append(chosen)
    return matched


def paired(found: Tensor, truth: Tensor, crowd: Tensor) -> tuple[list[bool], list[bool], float]:
    """Which boxes were found rightly, which of the true ones were found, and F1 of the two; of a
    crowd nothing counts. Arguments as those of `matches`."""
    matched, crowds = matches(found, truth, crowd), crowd.tolist()
    right = [at >= 0 for at in matched]
    taken = [at in matched for at in range(len(truth))]
    hits = sum(at >= 0 and not crowds[at] for at in matched)
    count = hits + right.count(False) + crowds.count(False)
    return right, taken, 2 * hits / count if count else 1.0
