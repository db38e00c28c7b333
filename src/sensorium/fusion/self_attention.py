"""Self-attention fusion: one Transformer reads the tokens of all modalities as one sequence.

    X   = [W_1 x_1 + b_1; ...; W_M x_M + b_M]                        b_m: a modality embedding
    X   = LN(EncoderLayer(... EncoderLayer(X)))                      depth layers
    h   = product over the present m of  U_m mean over the tokens of X_m

Every token attends to every other from the first layer on, so words and patches meet as equals, and
one set of weights serves all modalities.

The papers read h off a class token. Here it is the product of the modalities' means, dimension by
dimension; `StreamProduct` says why.

Absence: an absent modality's tokens are masked keys, and its factor of h is 1.

Shapes: B batch, N_m tokens of modality m, D_m width of its encoder, D width of the fusion.

Source: Kim et al. 2021, "ViLT"; Li et al. 2019, "VisualBERT".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from sensorium.batch import Encoding, Fused
from sensorium.fusion.attention import (
    AttentionFusionConfig,
    StreamProduct,
    join,
    project_tokens,
    split,
)
from sensorium.fusion.fusion import Fusion, linear_maps
from sensorium.layers.transformer import Transformer, initialise_transformer


class SelfAttentionConfig(AttentionFusionConfig):
    """One sequence of all modalities' tokens."""

    name: Literal["self_attention"] = "self_attention"
    """Which fusion."""


class SelfAttentionFusion(Fusion):
    """A single-stream Transformer.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = True

    def __init__(self, config: SelfAttentionConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.project = linear_maps(widths, config.width)
        self.transformer = Transformer(
            config.width,
            config.depth,
            config.heads,
            config.feed_forward_ratio,
            dropout=config.dropout,
        )
        self.pool = StreamProduct(widths, config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        sequences = project_tokens(self.project, encodings)
        joined = join(sequences)
        tokens = split(self.transformer(joined.values, joined.mask), sequences)
        return Fused(tokens, self.pool(tokens, encodings))
