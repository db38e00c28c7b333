"""Attention over space and time, divided: each token first looks along time, then across its frame.

    x = x + MHSA_time(LN(x))        x = x + MHSA_space(LN(x))        x = x + FFN(LN(x))

For T frames of S tokens that is T + S keys for each query, where joint attention has T * S.

Shapes: B batch, T moments, S places of a frame, of which the first may be the class token, D width.
Masks are True where a moment is real.

Source: Bertasius et al. 2021, "Is Space-Time Attention All You Need for Video Understanding?"
(TimeSformer).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.layers.attention import SelfAttention
from sensorium.layers.transformer import Activation, EncoderLayer, Transformer


class DividedLayer(EncoderLayer):
    """An encoder layer with attention along time in front.

    That attention starts as nothing (its output map is zero), so that the layer begins as the one
    of pictures, applied to each frame.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward_ratio: float = 4.0,
        activation: Activation = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(width, heads, feed_forward_ratio, activation, dropout)
        self.time_norm = nn.LayerNorm(width)
        self.time_attention = SelfAttention(width, heads)

    def forward(
        self,
        x: Float[Tensor, "B T S D"],
        mask: Bool[Tensor, "B T"] | None = None,
        class_token: bool = False,
    ) -> Float[Tensor, "B T S D"]:
        B, T = x.shape[:2]
        x = self.time_attended(x, mask, class_token)
        x = self.self_attended(x.flatten(0, 1), None).unflatten(0, (B, T))
        if class_token:
            x = torch.cat([_mean_over_time(x[:, :, :1], mask), x[:, :, 1:]], dim=2)
        return self.fed_forward(x)

    def time_attended(self, x: Tensor, mask: Tensor | None, class_token: bool) -> Tensor:
        """Every place but the class token attends to the same place at all real moments."""
        B, T, S, D = x.shape
        first = int(class_token)
        places = x[:, :, first:]
        along = self.time_norm(places).transpose(1, 2).reshape(B * (S - first), T, D)
        keys = None if mask is None else mask.repeat_interleave(S - first, dim=0)
        seen = self.time_attention(along, keys).view(B, S - first, T, D).transpose(1, 2)
        places = places + self.dropout(seen)
        return torch.cat([x[:, :, :first], places], dim=2) if class_token else places


class DividedTransformer(Transformer):
    """A stack of divided layers and a final norm."""

    layer: ClassVar[type[EncoderLayer]] = DividedLayer

    def forward(
        self,
        x: Float[Tensor, "B T S D"],
        mask: Bool[Tensor, "B T"] | None = None,
        class_token: bool = False,
    ) -> Float[Tensor, "B T S D"]:
        """
        Args:
            class_token: whether the first place of every frame is the class token, the same in
                all of them: it sees each frame in turn, and is their mean after every layer.
        """
        return self.through_layers(x, mask, class_token)

    def start_as_picture_layers(self) -> None:
        """Let attention along time add nothing, until it has learned to."""
        for layer in self.layers:
            assert isinstance(layer, DividedLayer)
            nn.init.zeros_(layer.time_attention.output.weight)
            nn.init.zeros_(layer.time_attention.output.bias)


def _mean_over_time(x: Tensor, mask: Tensor | None) -> Tensor:
    """[B, T, S, D] -> the same, each moment the mean of all real ones."""
    if mask is None:
        return x.mean(dim=1, keepdim=True).expand_as(x)
    weight = mask.to(x.dtype)[:, :, None, None]
    total = (x * weight).sum(dim=1, keepdim=True)
    return (total / weight.sum(dim=1, keepdim=True).clamp(min=1)).expand_as(x)
