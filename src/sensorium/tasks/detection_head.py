"""The network of detection: a grid of tokens -> what every place of it says, as plain numbers.

    p(c | place) = sigmoid(w_c . z)_c          box(place) = place -+ 2 stride exp(W z)

z is what a tower of convolutions makes of the maps of a feature pyramid, one tower for classes and
one for boxes, the same on every level. Nothing in it depends on what the numbers are.

Shapes: K pictures, D width of the tokens, R x S patches, A places over all levels, C classes.

Source: Tian et al. 2019, "FCOS: Fully Convolutional One-stage Object Detection".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.layers.pyramid import FeaturePyramid, Smooth
from sensorium.tasks.grids import LARGEST_EXPONENT, places_of

FOUND_AT_FIRST = 0.01
"""Score of every class of every place before anything is learned: nearly all are background."""


class Raw(NamedTuple):
    """What the network says of every place.

    Attributes:
        logits: of every class.
        boxes: left, top, right, bottom, in pixels of the picture.
        usable: which places lie in the picture; None: all.
    """

    logits: Float[Tensor, "K A C"]
    boxes: Float[Tensor, "K A 4"]
    usable: Bool[Tensor, "K A"] | None


class DetectionHead(nn.Module):
    """A grid of tokens -> `Raw`, without a decision on the way.

    Args:
        width_before: D.
        patch_size: pixels of a side of a patch.
        classes: C.
        width: channels of the maps and of the towers.
        depth: convolutions of each tower.
        levels: sizes of places, as powers of two of a patch.
    """

    def __init__(
        self,
        width_before: int,
        patch_size: int,
        classes: int,
        *,
        width: int,
        depth: int,
        levels: Sequence[int],
    ) -> None:
        super().__init__()
        self.strides = [patch_size * 2.0**level for level in levels]
        self.pyramid = FeaturePyramid(width_before, width, levels)
        self.class_tower, self.box_tower = (
            nn.ModuleList(Smooth(width, width) for _ in range(depth)) for _ in range(2)
        )
        self.logits = nn.Conv2d(width, classes, 3, padding=1)
        self.distances = nn.Conv2d(width, 4, 3, padding=1)
        self.scales = nn.Parameter(torch.ones(len(levels)))
        for layer in (self.logits, self.distances):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.logits.bias, math.log(FOUND_AT_FIRST / (1 - FOUND_AT_FIRST)))  # type: ignore[arg-type]

    def forward(
        self, grid: Float[Tensor, "K D R S"], real: Bool[Tensor, "K R S"] | None = None
    ) -> Raw:
        """As the class says; `real` are the patches that are not padding, None: all."""
        logits, boxes, usable = [], [], []
        maps, there = self.pyramid(grid, real)
        for level, (x, own) in enumerate(zip(maps, there, strict=True)):
            classes, distances = x, x
            for one, other in zip(self.class_tower, self.box_tower, strict=True):
                classes, distances = one(classes, own), other(distances, own)
            logits.append(self.logits(classes).float().flatten(2).transpose(1, 2))
            reach = self.distances(distances).float().flatten(2).transpose(1, 2)
            reach = (reach * self.scales[level].float()).clamp(max=LARGEST_EXPONENT).exp()
            reach = 2 * self.strides[level] * reach
            at = places_of(x.shape[2], x.shape[3], self.strides[level], x.device)
            boxes.append(torch.cat([at - reach[..., :2], at + reach[..., 2:]], dim=2))
            usable.append(own)
        return Raw(
            torch.cat(logits, dim=1),
            torch.cat(boxes, dim=1),
            None if real is None else torch.cat([own.flatten(1) for own in usable], dim=1),
        )

    def places(self, rows: int, columns: int, device: torch.device) -> Float[Tensor, "A 2"]:
        """The middle of every place of a picture of so many patches, x and y in pixels."""
        found = []
        for level, stride in zip(self.pyramid.levels, self.strides, strict=True):
            sides = [
                side * 2**-level if level <= 0 else math.ceil(side / 2**level)
                for side in (rows, columns)
            ]
            found.append(places_of(sides[0], sides[1], stride, device))
        return torch.cat(found)
