"""Convolutions in front of the patches: edges and colours are found before attention begins.

A convolution of stride 2 halves height and width, so after n of them a patch of P pixels is one of
P / 2^n; one of stride 1 looks again at the same grain. A narrow model with little data learns
several times faster with them (docs/log.md has the figures).

Shapes: B pictures, C channels, H x W pixels.

Source: Xiao et al. 2021, "Early Convolutions Help Transformers See Better"; with a norm over each
sample in place of batch norm, so that no sample depends on the others of its batch. It is over all
channels together, or over each by itself, which keeps small things on a plain ground from being
lost in what the ground is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

StemNorm = Literal["sample", "channel"]
Stride = Literal[1, 2]


class ConvolutionalStem(nn.Module):
    """3x3 convolutions, each normalised and followed by GELU.

    Args:
        channels: of the input.
        widths: channels after each convolution; none leaves the input as it is.
        norm: over the whole `sample`, or over each `channel` of it by itself.
        strides: of each convolution; none is 2 for all of them.

    Attributes:
        channels: of the output.
        stride: pixels of the input for each of the output, along each axis.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        norm: StemNorm = "sample",
        strides: Sequence[Stride] = (),
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        each: Sequence[int] = strides or [2] * len(widths)
        self.channels, self.stride = channels, math.prod(each)
        for width, stride in zip(widths, each, strict=True):
            self.layers.append(nn.Conv2d(self.channels, width, 3, stride=stride, padding=1))
            self.channels = width
            self.layers.append(nn.GroupNorm(1 if norm == "sample" else width, width))
            self.layers.append(nn.GELU())
        # The norm of single channels takes four times as long with the channels last.
        sample = norm == "sample"
        self.memory_format = torch.channels_last if sample else torch.contiguous_format
        self.layers.to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def forward(
        self, x: Float[Tensor, "B C H W"], real: Bool[Tensor, "B H W"] | None = None
    ) -> Float[Tensor, "B C2 H2 W2"]:
        """Stem values of pictures that are padded at the right and below, where `real` is False.

        With sides that the stride divides, no convolution of stride 2 reads the padding for a real
        place, since its window ends within the picture. One of stride 1 reads one pixel more, where
        it has to find zeros as at the side of a picture alone; and the norms leave padding out.
        """
        if not self.layers:
            return x
        x = x.contiguous(memory_format=self.memory_format)
        if real is None:
            return self.layers(x)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                stride = layer.stride[0]
                x = layer(x if stride > 1 else x * real[:, None])
                real = real[:, ::stride, ::stride]
            elif isinstance(layer, nn.GroupNorm):
                x = _norm_of_real(x, real, layer)
            else:
                x = layer(x)
        return x


def _norm_of_real(x: Tensor, real: Tensor, norm: nn.GroupNorm) -> Tensor:
    """`norm`, with the mean and variance of the real places only."""
    values, weight = x.float().unflatten(1, (norm.num_groups, -1)), real[:, None, None].float()
    count = values.shape[2] * weight.sum(dim=(2, 3, 4), keepdim=True)
    centred = values - (values * weight).sum(dim=(2, 3, 4), keepdim=True) / count
    variance = (centred.square() * weight).sum(dim=(2, 3, 4), keepdim=True) / count
    normed = (centred * (variance + norm.eps).rsqrt()).flatten(1, 2)
    scale, shift = (of[:, None, None] for of in (norm.weight, norm.bias))
    return (normed * scale + shift).to(x.dtype)
