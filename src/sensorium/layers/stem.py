"""Convolutions in front of the patches: edges and colours are found before attention begins.

Every convolution halves height and width, so after n of them a patch of P pixels is one of P / 2^n.
A narrow model with little data learns several times faster with them (docs/log.md has the figures).

Shapes: B pictures, C channels, H x W pixels.

Source: Xiao et al. 2021, "Early Convolutions Help Transformers See Better"; with a norm over each
whole sample in place of batch norm, so that no sample depends on the others of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ConvolutionalStem(nn.Module):
    """3x3 convolutions of stride 2, each normalised and followed by GELU.

    Args:
        channels: of the input.
        widths: channels after each convolution; none leaves the input as it is.

    Attributes:
        channels: of the output.
        stride: pixels of the input for each of the output, along each axis.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for before, after in zip((channels, *widths), widths, strict=False):
            self.layers.append(nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1))
            self.layers.append(nn.GroupNorm(1, after))
            self.layers.append(nn.GELU())
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.channels = widths[-1] if widths else channels
        self.stride = 2 ** len(widths)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H2 W2"]:
        return self.layers(x.contiguous(memory_format=torch.channels_last)).contiguous()
