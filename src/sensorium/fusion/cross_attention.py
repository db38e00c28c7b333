"""Cross-attention fusion: each modality's tokens attend to the tokens of all the others.

    x_m = x_m + MHSA(LN(x_m))
    x_m = x_m + CrossAttention(LN(x_m), LN([x_k for k != m]))
    x_m = x_m + FFN(LN(x_m))                                        in every layer, for every m
    h   = LN(mean over the present m of (mean over the tokens of x_m))

All streams of a layer read the layer below, so their order does not matter.

Absence: an absent modality's tokens are masked keys for the others, it has no stream of its own,
and h is the mean over those present. With nothing to attend to, cross-attention adds its output
bias alone, whether the others are masked or not there at all.

Shapes: B batch, N_m tokens of modality m, D_m width of its encoder, D width of the fusion.

Source: Lu et al. 2019, "ViLBERT" (co-attention); Tan and Bansal 2019, "LXMERT" (cross-modality
encoder).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused, Tokens
from sensorium.config import Config
from sensorium.fusion.fusion import Fusion
from sensorium.layers.pooling import mean_pool
from sensorium.layers.transformer import CrossLayer, initialise_transformer


class CrossAttentionConfig(Config):
    """Streams that attend to each other."""

    name: Literal["cross_attention"] = "cross_attention"
    """Which fusion."""
    width: int = Field(192, gt=0)
    """Values in each fused token (D)."""
    depth: int = Field(2, ge=1)
    """Layers of self-attention, cross-attention and feed-forward network."""
    heads: int = Field(3, gt=0)
    """Attention heads; they must divide the width."""
    feed_forward_ratio: float = Field(4.0, gt=0)
    """Hidden width of the feed-forward networks over the width."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of each residual branch's values dropped in training."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> CrossAttentionConfig:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


class CrossAttentionFusion(Fusion):
    """One stream of layers for each modality, exchanging by cross-attention.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = True

    def __init__(self, config: CrossAttentionConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.project = nn.ModuleDict({m: nn.Linear(w, config.width) for m, w in widths.items()})
        self.streams = nn.ModuleDict(
            {m: nn.ModuleList(_layer(config) for _ in range(config.depth)) for m in widths}
        )
        self.depth = config.depth
        self.norm = nn.LayerNorm(config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        masks = {m: encoding.tokens.mask for m, encoding in encodings.items()}
        values = {m: self.project[m](e.tokens.values) for m, e in encodings.items()}
        for depth in range(self.depth):
            values = {m: self._advance(m, depth, values, masks) for m in values}
        tokens = {m: Tokens(self.norm(x), masks[m]) for m, x in values.items()}
        return Fused(tokens, self._vector(tokens, encodings))

    def _advance(
        self, modality: str, depth: int, values: dict[str, Tensor], masks: dict[str, Tensor]
    ) -> Tensor:
        """One modality's tokens after the layer at `depth`."""
        own, own_mask = values[modality], masks[modality]
        others = [m for m in values if m != modality]
        # Alone, a modality attends to an empty sequence.
        context = torch.cat([own[:, :0], *(values[m] for m in others)], dim=1)
        context_mask = torch.cat([own_mask[:, :0], *(masks[m] for m in others)], dim=1)
        layer = cast(nn.ModuleList, self.streams[modality])[depth]
        return layer(own, own_mask, context, context_mask)

    @staticmethod
    def _vector(tokens: dict[str, Tokens], encodings: dict[str, Encoding]) -> Tensor:
        """Mean over the present modalities of the mean over their tokens: [B, D]."""
        pooled = torch.stack([mean_pool(t.values, t.mask) for t in tokens.values()], dim=1)
        present = torch.stack([encodings[m].present for m in tokens], dim=1)
        return mean_pool(pooled, present)


def _layer(config: CrossAttentionConfig) -> CrossLayer:
    return CrossLayer(config.width, config.heads, config.feed_forward_ratio, dropout=config.dropout)
