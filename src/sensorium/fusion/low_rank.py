"""Low-rank tensor fusion: tensor fusion whose weights are a sum of R outer products.

    h = sum over r of  product over m of (W_mr x_m + w_mr)  + b            dimension by dimension

Of `tensor`'s h_d = <T_d, z_1 outer ... outer z_M>, with z_m = [x_m; 1], each T_d is here the sum
over r of the outer products of M vectors [W_mr; w_mr]_d; and the scalar product of two outer
products is the product of the scalar products. So neither T nor the outer product is ever formed,
and the cost grows with the sum of the modalities and not with their product.

Absence: only the constant 1 of z_m remains, so that its factor is w_mr.

Shapes: B batch, M modalities, R rank, x_m [B, D_m] pooled by its encoder, D width of the fusion.

Source: Liu et al. 2018, "Efficient Low-rank Multimodal Fusion with Modality-Specific Factors", 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused
from sensorium.fusion.fusion import Fusion, FusionSettings, linear_maps, where_present


class LowRankConfig(FusionSettings):
    """The outer product of vectors, by factorised weights."""

    name: Literal["low_rank"] = "low_rank"
    """Which fusion."""
    rank: int = Field(4, gt=0)
    """Outer products whose sum the weights are (R)."""


class LowRankFusion(Fusion):
    """A sum of products of linear maps.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = False

    def __init__(self, config: LowRankConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.factors = linear_maps(widths, config.rank * config.width)
        self.bias = nn.Parameter(torch.zeros(config.width))
        for factor in self.factors.values():
            assert isinstance(factor, nn.Linear)
            _initialise(factor, config.rank, len(widths))

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        samples = next(iter(encodings.values())).present.shape[0]
        factors = [self._factor(m, encodings.get(m), samples) for m in self.factors]
        product = reduce(torch.mul, factors).unflatten(1, (-1, self.width))  # [B, R, D]
        return Fused({}, product.sum(dim=1) + self.bias)

    def _factor(
        self, modality: str, encoding: Encoding | None, samples: int
    ) -> Float[Tensor, "B RD"]:
        """W_mr x_m + w_mr of every r; w_mr where the modality is absent."""
        factor = self.factors[modality]
        assert isinstance(factor, nn.Linear)
        alone = factor.bias.expand(samples, -1)
        return (
            alone if encoding is None else where_present(encoding, factor(encoding.pooled), alone)
        )


def _initialise(factor: nn.Linear, rank: int, modalities: int) -> None:
    """So that h has variance 1 where every x_m has; half of each factor's is the constant's."""
    variance = rank ** (-1 / modalities) / 2
    nn.init.normal_(factor.weight, std=(variance / factor.in_features) ** 0.5)
    nn.init.normal_(factor.bias, std=variance**0.5)
