"""What part of a picture's file a finished picture shows, so that places can follow.

    x_file = left + x (right - left) / width          y_file = top + y (bottom - top) / height

Fitting a picture, cutting a part out of it, mirroring and moving it are all of this form: each says
the frame that it took of what it was given, and frames are put one within another. A frame may
reach beyond the file, where the background shows, and it is mirrored where `right` is below `left`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Frame(NamedTuple):
    """A part of a picture, in its pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def of(self, outer: Frame, height: int, width: int) -> Frame:
        """This frame of a picture, height x width, that itself shows `outer` of a larger one: the
        part of the larger one."""
        across, down = (outer.right - outer.left) / width, (outer.bottom - outer.top) / height
        return Frame(
            outer.left + self.left * across,
            outer.top + self.top * down,
            outer.left + self.right * across,
            outer.top + self.bottom * down,
        )


@dataclass(frozen=True)
class View:
    """A finished picture and the file that it was made of.

    Attributes:
        frame: what it shows of the file.
        real: the part of the picture that is not background which came in from the side.
        height, width: of the picture, in pixels.
        file_height, file_width: of the file, upright.
    """

    frame: Frame
    real: Frame
    height: int
    width: int
    file_height: int
    file_width: int

    def inside_file(self, corners: Tensor) -> Tensor:
        """Boxes [K, 4] in pixels of the file, left, top, right, bottom, cut at its edges."""
        edge = torch.tensor([self.file_width, self.file_height] * 2, dtype=corners.dtype)
        return corners.clamp(min=0).minimum(edge)

    def seen(self, corners: Tensor) -> Tensor:
        """The same boxes as the picture shows them, in its pixels and cut where it ends."""
        left, top, right, bottom = self.frame
        start = torch.tensor([left, top] * 2, dtype=torch.float64)
        scale = torch.tensor(
            [self.width / (right - left), self.height / (bottom - top)] * 2, dtype=torch.float64
        )
        a, b = ((corners.double() - start) * scale).view(-1, 2, 2).unbind(dim=1)
        first, last = (torch.tensor(self.real[i : i + 2] * 2, dtype=torch.float64) for i in (0, 2))
        found = torch.cat([torch.minimum(a, b), torch.maximum(a, b)], dim=1)  # one may be mirrored
        return found.maximum(first).minimum(last).float()

    def scale(self) -> float:
        """Pixels of the picture's area for each of the file's."""
        left, top, right, bottom = self.frame
        return abs(self.width / (right - left) * self.height / (bottom - top))


def whole(height: int, width: int) -> Frame:
    """All of a picture."""
    return Frame(0.0, 0.0, float(width), float(height))
