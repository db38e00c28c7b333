"""Maps of several resolutions from the one grid of a plain Vision Transformer.

    level -1:  two by two places for every patch, by a transposed convolution
    level  0:  a place for every patch
    level +1:  a place for two by two patches, by their maximum

each followed by a 1x1 and a 3x3 convolution to one width. No level reads another, since every token
has looked at the whole picture already.

Shapes: B pictures, D width of the tokens, C width of the maps, R x S patches, r x s places.

Source: Li et al. 2022, "Exploring Plain Vision Transformer Backbones for Object Detection"
(ViTDet).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

FINEST, COARSEST = -3, 3


class PlaceNorm(nn.LayerNorm):
    """Layer norm over the channels of each place by itself, so that none depends on padding."""

    def forward(self, x: Float[Tensor, "B C r s"]) -> Float[Tensor, "B C r s"]:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Smooth(nn.Module):
    """A convolution that keeps the shape, normalised, and with `activate` followed by GELU."""

    def __init__(
        self, before: int, after: int, kernel_size: int = 3, activate: bool = True
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(
            before, after, kernel_size, padding=kernel_size // 2, bias=False
        )
        self.norm = PlaceNorm(after)
        self.activate = activate
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, x: Float[Tensor, "B C r s"], real: Bool[Tensor, "B r s"] | None = None
    ) -> Float[Tensor, "B C2 r s"]:
        """Beside the picture, where `real` is False, there is nothing to be seen by others."""
        x = self.norm(self.convolution(x))
        x = F.gelu(x) if self.activate else x
        return x if real is None else x * real[:, None]


class Doubled(nn.Module):
    """Two by two places for each, by a transposed convolution, normalised and followed by GELU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(before, after, 2, stride=2)
        self.norm = PlaceNorm(after)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C r s"]) -> Float[Tensor, "B C2 r2 s2"]:
        return F.gelu(self.norm(self.convolution(x)))


class Level(nn.Module):
    """One map of the pyramid.

    Args:
        width_before: D.
        width: C.
        level: how often the size of a place is doubled; below 0, how often it is halved.
    """

    def __init__(self, width_before: int, width: int, level: int) -> None:
        super().__init__()
        self.level = level
        self.finer = nn.Sequential()
        for _ in range(-level):
            after = max(width_before // 2, width)
            self.finer.append(Doubled(width_before, after))
            width_before = after
        self.narrow = Smooth(width_before, width, 1, activate=False)
        self.smooth = Smooth(width, width)

    def forward(
        self, x: Float[Tensor, "B D R S"], real: Bool[Tensor, "B R S"] | None
    ) -> tuple[Tensor, Tensor | None]:
        """[B, C, r, s], and which places are real [B, r, s]."""
        x = self.finer(x)
        for _ in range(self.level):
            x, real = _halved(x, real)
        if real is not None and self.level < 0:
            times = 2**-self.level
            real = real.repeat_interleave(times, 1).repeat_interleave(times, 2)
            x = x * real[:, None]
        return self.smooth(self.narrow(x, real), real), real


class FeaturePyramid(nn.Module):
    """A grid of tokens -> a map for every level.

    Args:
        width_before: D.
        width: C.
        levels: how often each doubles the size of a place, below 0 how often it halves it.
    """

    def __init__(self, width_before: int, width: int, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.maps = nn.ModuleList(Level(width_before, width, level) for level in levels)

    def forward(
        self, grid: Float[Tensor, "B D R S"], real: Bool[Tensor, "B R S"] | None = None
    ) -> tuple[list[Tensor], list[Tensor | None]]:
        """The map of each level [B, C, r, s], and which of its places are real [B, r, s]: None
        where all are.

        Args:
            real: the patches that are not padding, which is at the right and below.
        """
        found = [level(grid, real) for level in self.maps]
        return [x for x, _ in found], [own for _, own in found]


def _halved(x: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The maximum of two by two places, at an odd end of what is there."""
    if real is None:
        return F.max_pool2d(x, 2, ceil_mode=True), None
    x = F.max_pool2d(x.masked_fill(~real[:, None], -torch.inf), 2, ceil_mode=True)
    real = F.max_pool2d(real[:, None].to(x.dtype), 2, ceil_mode=True)[:, 0] > 0
    return x.masked_fill(~real[:, None], 0.0), real
