"""Cross-attention fusion: each modality's tokens attend to the tokens of all the others.

    x_m = x_m + MHSA(LN(x_m))
    x_m = x_m + CrossAttention(LN(x_m), LN([x_k for k != m]))
    x_m = x_m + FFN(LN(x_m))                                        in every layer, for every m
    h   = product over the present m of  W_m mean over the tokens of LN(x_m)

All streams of a layer read the layer below, so their order does not matter. The product is taken
dimension by dimension; `StreamProduct` says why.

Only some of the modalities may have a stream: then the tokens of the others are looked at as they
are in every layer, as ALBEF's words look at a picture. Where one modality has many more tokens than
the other, as a picture beside a caption, most of the cost is in its stream.

Absence: an absent modality's tokens are masked keys for the others, it has no stream of its own,
and its factor of h is 1. With nothing to attend to, cross-attention adds its output bias alone,
whether the others are masked or not there at all.

Shapes: B batch, N_m tokens of modality m, D_m width of its encoder, D width of the fusion.

Source: Lu et al. 2019, "ViLBERT" (co-attention, and the product of pooled streams); Tan and Bansal
2019, "LXMERT" (cross-modality encoder); Li et al. 2021, "Align before Fuse" (ALBEF: one stream).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused, Tokens
from sensorium.fusion.attention import AttentionFusionConfig, StreamProduct, project_tokens
from sensorium.fusion.fusion import Fusion, linear_maps
from sensorium.layers.transformer import CrossLayer, initialise_transformer


class CrossAttentionConfig(AttentionFusionConfig):
    """Streams that attend to each other."""

    name: Literal["cross_attention"] = "cross_attention"
    """Which fusion."""
    streams: tuple[str, ...] | None = Field(None, min_length=1)
    """Modalities whose tokens attend to the others; none is all. With [text] pictures are looked at
    by words and not the other way round, as in ALBEF and BLIP: a fraction of the cost."""

    def fuses_tokens_of(self, modality: str) -> bool:
        return self.streams is None or modality in self.streams

    def problems(self, modalities: list[str]) -> Iterator[str]:
        for modality in self.streams or ():
            if modality not in modalities:
                has = ", ".join(modalities) or "none"
                yield f"streams names {modality}, but model.encoders has only {has}"


class CrossAttentionFusion(Fusion):
    """Streams of layers, one for each modality or for some, exchanging by cross-attention.

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
            {
                m: nn.ModuleList(_layer(config) for _ in range(config.depth))
                for m in widths
                if config.fuses_tokens_of(m)
            }
        )
        self.depth = config.depth
        self.norm = nn.LayerNorm(config.width)
        self.pool = StreamProduct(widths, config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        masks = {m: encoding.tokens.mask for m, encoding in encodings.items()}
        values = {m: x.values for m, x in project_tokens(self.project, encodings).items()}
        for depth in range(self.depth):
            values |= {
                m: self._advance(m, depth, values, masks) for m in values if m in self.streams
            }
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
