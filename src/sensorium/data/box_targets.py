"""The targets that are places in a picture: its boxes, the one box of a phrase, and the frame that
leads from the picture back to its file.

Until the picture is finished boxes are in pixels of the file; then in those of the picture, cut at
its edges. One of which little is left is marked as a crowd is: nothing is learned from it, and
nothing that is found there is wrong.

Shapes: B samples, K boxes of one, each with left, top, right, bottom, class, crowd.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sensorium.batch import ABSENT, Learned
from sensorium.data.box_cells import PIXELS_OUTSIDE, boxes_in, corners_of, outside, the_box
from sensorium.data.frame import View
from sensorium.data.settings import DataConfig
from sensorium.data.target import Classes, Target
from sensorium.data.text import Tokenizer

LEAST_SEEN = 0.3
"""Share of a box's area that has to be in the picture for the object to be learned."""

LEAST_SIDE = 1.0
"""Of a box, in pixels of the picture; what is narrower cannot be seen."""


class Boxes(Target):
    """Every object of a picture: float32 [K, 6]; absent: one row of NaN."""

    field = "boxes"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.full((1, 6), math.nan)
        self._classes = Classes(learned)
        self._config = config.boxes

    def read(self, cells: Sequence[Any]) -> Tensor:
        """No cell at all means that there is nothing in the picture. Faulty boxes are left out."""
        found, _ = boxes_in(cells, self._config)
        rows = [(*one.corners, self._classes.index(one.label), one.crowd) for one in found]
        return torch.tensor(rows, dtype=torch.float32).view(-1, 6)

    def flaws(self, cells: Sequence[Any]) -> list[str]:
        return boxes_in(cells, self._config)[1]

    def outside(self, value: Tensor, height: int, width: int) -> list[str]:
        return _outside(value[:, :4], height, width)

    def seen_in(self, value: Tensor, view: View) -> Tensor:
        if value.isnan().any():
            return value
        seen, share = _seen(value[:, :4], view)
        crowd = torch.where(share < LEAST_SEEN, 1.0, value[:, 5])
        there = (seen[:, 2:] - seen[:, :2]).amin(dim=1) >= LEAST_SIDE
        return torch.cat([seen, value[:, 4:5], crowd[:, None]], dim=1)[there]

    def collate(self, values: list[Tensor]) -> Tensor:
        """[B, K, 6], at least one row each; those that are no box have the class `ABSENT`."""
        empty = torch.tensor([[0.0, 0.0, 0.0, 0.0, ABSENT, 0.0]])
        filled = [value if len(value) else empty for value in values]
        padded = pad_sequence(filled, batch_first=True, padding_value=0.0)
        lengths = torch.tensor([len(value) for value in filled])
        padding = torch.arange(padded.shape[1]) >= lengths[:, None]
        padded[..., 4] = padded[..., 4].masked_fill(padding, ABSENT)
        return padded


class Box(Target):
    """The one box that the text of a sample means: float32 [4], left, top, right, bottom; absent:
    NaN, also where the picture does not show it."""

    field = "box"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.full((4,), math.nan)
        self._config = config.boxes

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        return torch.tensor(corners_of(the_box(cells), self._config)) if cells else None

    def outside(self, value: Tensor, height: int, width: int) -> list[str]:
        return _outside(value[None], height, width)

    def seen_in(self, value: Tensor, view: View) -> Tensor:
        if value.isnan().any():
            return value
        seen, share = _seen(value[None], view)
        return seen[0] if share.item() >= LEAST_SEEN else self.absent


class FrameOfPicture(Target):
    """What the picture shows of its file, to say places in pixels of the file: float32 [4]; absent:
    NaN. No column is its own, and no run has to learn anything of it."""

    field = "frame"
    required: ClassVar[bool] = False

    def __init__(self) -> None:
        self.absent = torch.full((4,), math.nan)

    def read(self, cells: Sequence[Any]) -> None:
        return None

    def seen_in(self, value: Tensor, view: View) -> Tensor:
        return torch.tensor(view.frame)


def _seen(corners: Tensor, view: View) -> tuple[Tensor, Tensor]:
    """Boxes [K, 4] of the file as the picture shows them, and the share of each that it shows."""
    inside = view.inside_file(corners)
    seen = view.seen(inside)
    return seen, _area(seen) / (_area(inside) * view.scale()).clamp(min=1e-9)


def _outside(corners: Tensor, height: int, width: int) -> list[str]:
    """What of boxes [K, 4] lies outside of a file of that size; mostly nothing, found at once."""
    end = torch.tensor([width, height])
    beyond = torch.cat([-corners[:, :2], corners[:, 2:] - end], dim=1) > PIXELS_OUTSIDE
    wrong = corners[beyond.any(dim=1)].tolist()
    return [
        why
        for left, top, right, bottom in wrong
        if (why := outside((left, top, right, bottom), height, width))
    ]


def _area(corners: Tensor) -> Tensor:
    """[K, 4] -> [K], 0 where nothing is left."""
    return (corners[:, 2:] - corners[:, :2]).clamp(min=0).prod(dim=1)
