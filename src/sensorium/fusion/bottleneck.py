"""Bottleneck fusion: modalities exchange only through a few tokens that all of them read and write.

    [x_m; b_m] = EncoderLayer_m([x_m; b])                            in every layer, for every m
    b          = mean over the present m of  b_m                     b begins learned
    h          = product over the present m of  U_m mean over the tokens of LN(x_m)

Attention within a modality costs N_m^2 scores; across modalities it passes through the L tokens of
b alone, so that long sequences, as of sound and video, meet for L (N_1 + ... + N_M) more, and have
to say shortly what is worth saying.

The paper averages the classifications of one class token for each modality. Here h is the product
of the streams' means, dimension by dimension; `StreamProduct` says why.

Absence: an absent modality writes nothing on b, which is the mean over the others, and its factor
of h is 1.

Shapes: B batch, M modalities, N_m tokens of modality m, L bottleneck tokens, D_m width of an
encoder, D width of the fusion.

Source: Nagrani et al. 2021, "Attention Bottlenecks for Multimodal Fusion" (MBT), section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused, Tokens
from sensorium.fusion.attention import AttentionFusionConfig, StreamProduct, project_tokens
from sensorium.fusion.fusion import Fusion, linear_maps
from sensorium.layers.transformer import EncoderLayer, initialise_transformer


class BottleneckConfig(AttentionFusionConfig):
    """Streams that meet in a few tokens."""

    name: Literal["bottleneck"] = "bottleneck"
    """Which fusion."""
    depth: int = Field(2, ge=2)
    """Layers. What one writes on the bottlenecks, the next reads: one alone exchanges nothing."""
    bottlenecks: int = Field(4, ge=1)
    """Tokens through which modalities exchange (L)."""


class BottleneckFusion(Fusion):
    """One stream of layers for each modality, exchanging through shared tokens.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = True

    def __init__(self, config: BottleneckConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.project = linear_maps(widths, config.width)
        self.streams = nn.ModuleDict(
            {m: nn.ModuleList(_layer(config) for _ in range(config.depth)) for m in widths}
        )
        self.depth = config.depth
        self.bottlenecks = nn.Parameter(torch.empty(1, config.bottlenecks, config.width))
        self.norm = nn.LayerNorm(config.width)
        self.pool = StreamProduct(widths, config.width)
        self.apply(initialise_transformer)
        nn.init.trunc_normal_(self.bottlenecks, std=0.02)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        sequences = project_tokens(self.project, encodings)
        present = torch.stack([encodings[m].present for m in sequences])  # [M, B]
        bottlenecks = self.bottlenecks.expand(present.shape[1], -1, -1)
        for depth in range(self.depth):
            advanced = {m: self._advance(m, depth, x, bottlenecks) for m, x in sequences.items()}
            sequences = {m: own for m, (own, _) in advanced.items()}
            written = torch.stack([b for _, b in advanced.values()])  # [M, B, L, D]
            bottlenecks = _mean_of_present(written, present, bottlenecks)
        tokens = {m: Tokens(self.norm(x.values), x.mask) for m, x in sequences.items()}
        return Fused(tokens, self.pool(tokens, encodings))

    def _advance(
        self, modality: str, depth: int, own: Tokens, bottlenecks: Tensor
    ) -> tuple[Tokens, Tensor]:
        """One modality's tokens after the layer at `depth`, and the bottlenecks as it left them."""
        count = own.mask.shape[1]
        shared = own.mask.new_ones(bottlenecks.shape[:2])
        layer = cast(nn.ModuleList, self.streams[modality])[depth]
        x = layer(torch.cat([own.values, bottlenecks], dim=1), torch.cat([own.mask, shared], dim=1))
        return Tokens(x[:, :count], own.mask), x[:, count:]


def _mean_of_present(written: Tensor, present: Tensor, before: Tensor) -> Tensor:
    """[M, B, L, D] -> [B, L, D], over the modalities that are present [M, B]."""
    kept = present[:, :, None, None]
    total = written.where(kept, 0.0).sum(dim=0)
    count = kept.sum(dim=0)
    return torch.where(count > 0, total / count.clamp(min=1), before)


def _layer(config: BottleneckConfig) -> EncoderLayer:
    return EncoderLayer(
        config.width, config.heads, config.feed_forward_ratio, dropout=config.dropout
    )
