"""Convolutions in front of the patches: edges and colours are found before attention begins.

Every convolution halves height and width, so after n of them a patch of P pixels is one of P / 2^n.
A narrow model with little data learns several times faster with them (docs/log.md has the figures).

Shapes: B pictures, C channels, H x W pixels.

Source: Xiao et al. 2021, "Early Convolutions Help Transformers See Better"; with a norm over each
sample in place of batch norm, so that no sample depends on the others of its batch. It is over all
channels together, or over each by itself, which keeps small things on a plain ground from being
lost in what the ground is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

StemNorm = Literal["sample", "channel"]


class ConvolutionalStem(nn.Module):
    """3x3 convolutions of stride 2, each normalised and followed by GELU.

    Args:
        channels: of the input.
        widths: channels after each convolution; none leaves the input as it is.
        norm: over the whole `sample`, or over each `channel` of it by itself.

    Attributes:
        channels: of the output.
        stride: pixels of the input for each of the output, along each axis.
    """

    def __init__(self, channels: int, widths: Sequence[int], norm: StemNorm = "sample") -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for before, after in zip((channels, *widths), widths, strict=False):
            self.layers.append(nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1))
            self.layers.append(nn.GroupNorm(1 if norm == "sample" else after, after))
            self.layers.append(nn.GELU())
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.channels = widths[-1] if widths else channels
        self.stride = 2 ** len(widths)

    def forward(
        self, x: Float[Tensor, "B C H W"], real: Bool[Tensor, "B H W"] | None = None
    ) -> Float[Tensor, "B C2 H2 W2"]:
        """Stem values of pictures that are padded at the right and below, where `real` is False.

        With sides that the stride divides, no convolution of a real place reads the padding, since
        its window ends within the picture; so it is the norms alone that have to leave it out.
        """
        if not self.layers:
            return x
        x = x.contiguous(memory_format=torch.channels_last)
        if real is None:
            return self.layers(x)
        for layer in self.layers:
            if isinstance(layer, nn.GroupNorm):
                real = real[:, ::2, ::2]
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
