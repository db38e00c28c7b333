"""A look at boxes: those that training would leave out, or cut at the edge of their picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensorium.data.box_cells import BoxesConfig, boxes_in, outside
from sensorium.data.check.look import Suspicion

KINDS = {
    "has no area": "zero-area box",
    "lies outside": "box outside",
    "reaches out": "box outside",
    "no category": "unknown category",
    "no picture": "box without a picture",
}
"""What is said of a faulty box -> its kind."""


def suspicion_of(reason: str) -> Suspicion:
    """A faulty box, by what is said of it."""
    kind = next((kind for said, kind in KINDS.items() if said in reason), "faulty box")
    return Suspicion(kind, reason)


def faulty_boxes(
    cells: Sequence[Any], config: BoxesConfig, size: tuple[int, int] | None
) -> list[str]:
    """What is wrong with the boxes that cells hold, in words.

    Args:
        config: how they are read.
        size: height and width of their picture; None where it has none that can be read.
    """
    found, wrong = boxes_in(cells, config)
    if size is not None:
        wrong += filter(None, (outside(one.corners, *size) for one in found))
    return wrong
