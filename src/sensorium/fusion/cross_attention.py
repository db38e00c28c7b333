"""Cross-attention fusion: each modality's tokens attend to the tokens of all the others.

    x_m = x_m + MHSA(LN(x_m))
    x_m = x_m + CrossAttention(LN(x_m), LN([x_k for k != m]))
    x_m = x_m + FFN(LN(x_m))                                        in every layer, for every m
    h   = product over the present m of  W_m mean over the tokens of LN(x_m)

All streams of a layer read the layer below, so their order does not matter. The product is taken
dimension by dimension; `StreamProduct` says why.

Absence: an absent modality's tokens are masked keys for the others, it has no stream of its own,
and its factor of h is 1. With nothing to attend to, cross-attention adds its output bias alone,
whether the others are masked or not there at all.

Shapes: B batch, N_m tokens of modality m, D_m width of its encoder, D width of the fusion.

Source: Lu et al. 2019, "ViLBERT" (co-attention, and the product of pooled streams); Tan and Bansal
2019, "LXMERT" (cross-modality encoder).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused, Tokens
from sensorium.fusion.attention import AttentionFusionConfig, StreamProduct, project_tokens
from sensorium.fusion.fusion import Fusion, linear_maps
from sensorium.layers.transformer import CrossLayer, initialise_transformer


class CrossAttentionConfig(AttentionFusionConfig):
    """Streams that attend to each other."""

    name: Literal["cross_attention"] = "cross_attention"
    """Which fusion."""


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
        self.project = linear_maps(widths, config.width)
        self.streams = nn.ModuleDict(
            {m: nn.ModuleList(_layer(config) for _ in range(config.depth)) for m in widths}
        )
        self.depth = config.depth
        self.norm = nn.LayerNorm(config.width)
        self.pool = StreamProduct(widths, config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        masks = {m: encoding.tokens.mask for m, encoding in encodings.items()}
        values = {m: x.values for m, x in project_tokens(self.project, encodings).items()}
        for depth in range(self.depth):
            values = {m: self._advance(m, depth, values, masks) for m in values}
        tokens = {m: Tokens(self.norm(x), masks[m]) for m, x in values.items()}
        return Fused(tokens, self.pool(tokens, encodings))

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


def _layer(config: CrossAttentionConfig) -> CrossLayer:
    return CrossLayer(config.width, config.heads, config.feed_forward_ratio, dropout=config.dropout)
