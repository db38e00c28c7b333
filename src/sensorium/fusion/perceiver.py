"""Perceiver fusion: a fixed number of latent tokens reads all modalities, then each reads it back.

    X   = [W_1 x_1 + b_1; ...; W_M x_M + b_M]                       b_m: a modality embedding
    z   = z + CrossAttention(LN(z), LN(X))
    z   = EncoderLayer(z)                                           depth times; z begins learned
    x_m = LN(x_m + CrossAttention(LN(x_m), LN(z)))                  for every m, reading z back
    h   = product over the present m of  U_m mean over the tokens of x_m

The latents do the work: reading, and being read, costs L (N_1 + ... + N_M) scores, and a layer L^2,
however long the sequences are. Fused tokens are what each modality's own tokens find in the
latents, as in Perceiver IO's decoder, so that tasks on tokens have all modalities at hand; the
feed-forward network that a decoder would end with is the task's own head.

Perceiver averages the latents. Here h is the product of the modalities' means, dimension by
dimension; `StreamProduct` says why. The layers share no weights.

Absence: an absent modality's tokens are masked keys for the latents, and its factor of h is 1.

Shapes: B batch, N_m tokens of modality m, L latents, D_m width of an encoder, D width of the
fusion.

Source: Jaegle et al. 2021, "Perceiver"; Jaegle et al. 2022, "Perceiver IO" (reading back).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused
from sensorium.fusion.attention import (
    AttentionFusionConfig,
    StreamProduct,
    join,
    project_tokens,
    split,
)
from sensorium.fusion.fusion import Fusion, linear_maps
from sensorium.layers.attention import CrossAttention
from sensorium.layers.transformer import EncoderLayer, initialise_transformer


class PerceiverConfig(AttentionFusionConfig):
    """Latent tokens that read all modalities."""

    name: Literal["perceiver"] = "perceiver"
    """Which fusion."""
    latents: int = Field(16, ge=1)
    """Latent tokens (L)."""


class PerceiverFusion(Fusion):
    """Latent queries over all tokens.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = True

    def __init__(self, config: PerceiverConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.project = linear_maps(widths, config.width)
        self.latents = nn.Parameter(torch.empty(1, config.latents, config.width))
        self.reads = nn.ModuleList(_Read(config) for _ in range(config.depth))
        self.layers = nn.ModuleList(
            EncoderLayer(
                config.width, config.heads, config.feed_forward_ratio, dropout=config.dropout
            )
            for _ in range(config.depth)
        )
        self.read_back = _Read(config)
        self.norm = nn.LayerNorm(config.width)
        self.pool = StreamProduct(widths, config.width)
        self.apply(initialise_transformer)
        nn.init.trunc_normal_(self.latents, std=0.02)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        sequences = project_tokens(self.project, encodings)
        joined = join(sequences)
        latents = self.latents.expand(joined.values.shape[0], -1, -1)
        for read, layer in zip(self.reads, self.layers, strict=True):
            latents = layer(read(latents, joined.values, joined.mask))
        values = self.norm(self.read_back(joined.values, latents, None))
        tokens = split(values, sequences)
        return Fused(tokens, self.pool(tokens, encodings))


class _Read(nn.Module):
    """x + CrossAttention(LN(x), LN(context))."""

    def __init__(self, config: PerceiverConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.context_norm = nn.LayerNorm(config.width)
        self.attention = CrossAttention(config.width, config.heads)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        seen = self.attention(self.norm(x), self.context_norm(context), mask)
        return x + self.dropout(seen)
