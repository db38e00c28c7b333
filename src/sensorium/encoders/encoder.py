"""What every encoder shares: a Transformer's settings, pooling, and room for absent rows.

Shapes: B samples, P of them with the modality present, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Encoding, Inputs, Tokens
from sensorium.config import Config
from sensorium.layers.pooling import AttentionPool, mean_pool
from sensorium.layers.transformer import Activation, Transformer


class EncoderConfig(Config):
    """The Transformer of an encoder."""

    width: int = Field(192, gt=0)
    """Values in each token (D)."""
    depth: int = Field(6, ge=0)
    """Encoder layers."""
    heads: int = Field(3, gt=0)
    """Attention heads; they must divide the width."""
    feed_forward_ratio: float = Field(4.0, gt=0)
    """Hidden width of the feed-forward network over the width."""
    activation: Activation = "gelu"
    """`gelu` as ViT, `relu` as the first Transformer."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of each residual branch's values dropped in training."""
    pooling: Literal["mean", "class", "attention"] = "mean"
    """How tokens become one vector: their mean, a class token, or a learned query's attention."""
    checkpoint_activations: bool = False
    """Recompute activations in the backward pass: less memory for about a third more time."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> EncoderConfig:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


class Encoder(nn.Module):
    """One modality -> `Encoding`. A subclass writes `embed_and_encode` for the present rows.

    Args:
        config: its settings.
        transformer: which one encodes the tokens.
    """

    def __init__(self, config: EncoderConfig, transformer: type[Transformer] = Transformer) -> None:
        super().__init__()
        self.width = config.width
        self.pooling = config.pooling
        self.transformer = transformer(
            width=config.width,
            depth=config.depth,
            heads=config.heads,
            feed_forward_ratio=config.feed_forward_ratio,
            activation=config.activation,
            dropout=config.dropout,
            checkpoint_activations=config.checkpoint_activations,
        )
        if config.pooling == "attention":
            self.attention_pool = AttentionPool(config.width, config.heads)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens [P, N, D] of the present rows, and their mask [P, N] or None if all are real."""
        raise NotImplementedError

    def forward(self, inputs: Inputs, generator: torch.Generator | None = None) -> Encoding:
        """Encode the present rows, those that are the same once, and leave empty rows for the
        absent ones.

        Args:
            inputs: one modality of a batch.
            generator: draws what training hides from the encoder; None hides nothing.
        """
        once, place = inputs.distinct()
        values, mask = self.embed_and_encode(once, generator)
        return as_encoding(values, mask, self.pool(values, mask), place, inputs.present)

    def fit_positions(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of an encoder that is the same but for the size of its inputs, as this one
        takes them."""
        return dict(weights)

    def stages(self) -> list[list[nn.Parameter]]:
        """The parameters from the bottom up: what embeds, then each layer of the Transformer, the
        last with the norm and the pooling above it."""
        layers = [list(layer.parameters()) for layer in self.transformer.layers]
        above = list(self.transformer.norm.parameters())
        if self.pooling == "attention":
            above += self.attention_pool.parameters()
        known = {parameter for stage in [*layers, above] for parameter in stage}
        stages = [[parameter for parameter in self.parameters() if parameter not in known], *layers]
        stages[-1] += above
        return stages

    def pool(
        self, x: Float[Tensor, "P N D"], mask: Bool[Tensor, "P N"] | None
    ) -> Float[Tensor, "P D"]:
        """One vector for each sequence."""
        if self.pooling == "class":
            return x[:, 0]
        if self.pooling == "attention":
            return self.attention_pool(x, mask)
        return mean_pool(x, mask)


def as_encoding(
    values: Float[Tensor, "P N D"],
    mask: Bool[Tensor, "P N"] | None,
    pooled: Float[Tensor, "P D"],
    place: Int[Tensor, " K"] | None,
    present: Bool[Tensor, " B"],
) -> Encoding:
    """What was computed of every different value, as an encoding of all samples.

    Args:
        values: tokens.
        mask: which are real; None: all.
        pooled: their vectors.
        place: for each of the K samples that have the modality, which of the P is its own; None
            where P is K.
        present: which samples these are.
    """
    if mask is None:
        mask = values.new_ones(values.shape[:2], dtype=torch.bool)
    if place is not None:
        values, mask, pooled = (x.index_select(0, place) for x in (values, mask, pooled))
    if len(values) < len(present):
        values, mask, pooled = (_spread(x, present) for x in (values, mask, pooled))
    return Encoding(Tokens(values, mask), pooled, present)


def _spread(rows: Tensor, present: Tensor) -> Tensor:
    """[P, ...] -> [B, ...], zero (False) where absent."""
    spread = rows.new_zeros((len(present), *rows.shape[1:]))
    return spread.index_put((present.nonzero()[:, 0],), rows)
