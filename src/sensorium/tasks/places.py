"""What a task that says places said of single samples, beside what is true: to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from sensorium.tasks.boxes import iou_matrix

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


def paired(found: Tensor, truth: Tensor, crowd: Tensor) -> tuple[list[bool], list[bool], float]:
    """Which boxes were found rightly, which of the true ones were found, and F1 of the two.

    The best goes first, and takes the true box of its class that it has most in common with. What
    lies in a crowd is no mistake.

    Args:
        found: [N, 5], left, top, right, bottom, class, the best first.
        truth: [M, 5], the same.
        crowd: [M] bool, true boxes that need not be found.
    """
    alike = iou_matrix(found[:, :4], truth[:, :4])
    alike = alike.masked_fill(found[:, 4:5] != truth[:, 4], 0.0)
    right, taken, crowds = [], [False] * len(truth), crowd.tolist()
    for row in alike.tolist():
        free = [at for at, own in enumerate(taken) if crowds[at] or not own]
        best = max(free, key=row.__getitem__, default=None)
        hit = best is not None and row[best] >= RIGHT_FROM
        right.append(hit)
        if hit and best is not None:
            taken[best] = True
    wanted = int((~crowd).sum())
    hits = sum(own for own, left in zip(taken, crowds, strict=True) if not left)
    false = len(right) - sum(right)
    count = 2 * hits + false + (wanted - hits)
    return right, taken, 2 * hits / count if count else 1.0
