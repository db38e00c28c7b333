"""What the fusions by attention share: settings, one sequence made of several, a vector of streams.

Shapes: B batch, N_m tokens of modality m, N their sum, D width of the fusion.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Encoding, Tokens
from sensorium.fusion.fusion import FusionSettings, where_present
from sensorium.layers.pooling import mean_pool


class AttentionFusionConfig(FusionSettings):
    """The layers of a fusion by attention."""

    depth: int = Field(2, ge=1)
    """Layers."""
    heads: int = Field(3, gt=0)
    """Attention heads; they must divide the width. Left out, about one for every 64 values."""
    feed_forward_ratio: float = Field(4.0, gt=0)
    """Hidden width of the feed-forward networks over the width."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of each residual branch's values dropped in training."""

    @model_validator(mode="before")
    @classmethod
    def _heads_follow_width(cls, settings: Any) -> Any:
        width = settings.get("width") if isinstance(settings, dict) else None
        if not isinstance(width, int) or width < 1 or "heads" in settings:
            return settings
        heads = next(n for n in range(max(1, width // 64), 0, -1) if width % n == 0)
        return {**settings, "heads": heads}

    @model_validator(mode="after")
    def _heads_divide_width(self) -> AttentionFusionConfig:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


def project_tokens(maps: nn.ModuleDict, encodings: Mapping[str, Encoding]) -> dict[str, Tokens]:
    """Each modality's tokens in the width of the fusion: W_m x_m + b_m.

    The bias b_m is the modality's embedding: what all of its tokens have in common, and no others.
    """
    return {m: Tokens(maps[m](e.tokens.values), e.tokens.mask) for m, e in encodings.items()}


def join(sequences: Mapping[str, Tokens]) -> Tokens:
    """One sequence after another: [B, N, D]."""
    values = torch.cat([tokens.values for tokens in sequences.values()], dim=1)
    return Tokens(values, torch.cat([tokens.mask for tokens in sequences.values()], dim=1))


def split(joined: Float[Tensor, "B N D"], sequences: Mapping[str, Tokens]) -> dict[str, Tokens]:
    """The opposite of `join`: new values for the same sequences."""
    parts = joined.split([tokens.mask.shape[1] for tokens in sequences.values()], dim=1)
    return {
        m: Tokens(part, tokens.mask)
        for (m, tokens), part in zip(sequences.items(), parts, strict=True)
    }


class StreamProduct(nn.ModuleDict):
    """Fused tokens -> one vector, the product over the present modalities, dimension by dimension:

        h = product over the present m of  W_m mean over the real tokens of x_m

    It makes whatever is linear in h a comparison of the streams; a mean or a sum leaves that
    comparison to be found by the layers alone, which takes far longer to learn (docs/log.md). The
    factor of an absent modality is 1.

    Source: Lu et al. 2019, "ViLBERT".
    """

    def __init__(self, widths: Mapping[str, int], width: int) -> None:
        super().__init__({m: nn.Linear(width, width) for m in widths})

    def forward(
        self, tokens: Mapping[str, Tokens], encodings: Mapping[str, Encoding]
    ) -> Float[Tensor, "B D"]:
        factors = [
            where_present(encodings[m], self[m](mean_pool(stream.values, stream.mask)), 1.0)
            for m, stream in tokens.items()
        ]
        return reduce(torch.mul, factors)
