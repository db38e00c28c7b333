"""Tensor fusion: the outer product of the modalities' vectors, with every lower order in it.

    z_m = [U_m x_m + u_m; 1]                                               [side + 1]
    h   = W (z_1 outer ... outer z_M) + b                                  W: [D, (side + 1)^M]

The constant 1 keeps what each modality says alone, and what every pair says, beside the products
of all: h is linear in every such product, so a linear head on it sees each interaction apart.

The product grows with the power of M, hence the map U_m to a small `side`, and a bound on its size.
`low_rank` is the same with a factorised W, which never forms the product.

Absence: U_m x_m + u_m is zero and only the constant 1 of z_m remains; what is left of the product
is exactly that of the modalities that are there.

Shapes: B batch, M modalities, x_m [B, D_m] pooled by its encoder, D width of the fusion.

Source: Zadeh et al. 2017, "Tensor Fusion Network for Multimodal Sentiment Analysis", section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused
from sensorium.fusion.fusion import Fusion, FusionSettings, linear_maps, where_present
from sensorium.layers.transformer import initialise_transformer

LARGEST_PRODUCT = 2**16  # values per sample; at width 192 W then has 12.6 million weights


class TensorConfig(FusionSettings):
    """The outer product of small vectors."""

    name: Literal["tensor"] = "tensor"
    """Which fusion."""
    side: int = Field(15, gt=0)
    """Values to which each modality's vector is mapped before the outer product, which has
    (side + 1)^M of them for M modalities."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        yield from _problems(self.side, modalities)


class TensorFusion(Fusion):
    """A linear map of the outer product of all modalities' vectors.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder; the order of the product's axes.

    Raises:
        ValueError: where the product would have more than `LARGEST_PRODUCT` values.
    """

    keeps_tokens: ClassVar[bool] = False

    def __init__(self, config: TensorConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        for problem in _problems(config.side, widths):
            raise ValueError(problem)
        self.width = config.width
        self.side = config.side
        self.project = linear_maps(widths, config.side)
        self.output = nn.Linear((config.side + 1) ** len(widths), config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        example = next(iter(encodings.values())).pooled
        product = example.new_ones(example.shape[0], 1)
        for m in self.project:
            factor = self._factor(m, encodings.get(m), example)
            product = torch.einsum("bi,bj->bij", product, factor).flatten(1)
        return Fused({}, self.output(product))

    def _factor(
        self, modality: str, encoding: Encoding | None, example: Tensor
    ) -> Float[Tensor, "B S"]:
        """[U_m x_m + u_m; 1], and [0; 1] where the modality is absent."""
        if encoding is None:
            vector = example.new_zeros(example.shape[0], self.side)
        else:
            vector = where_present(encoding, self.project[modality](encoding.pooled), 0.0)
        return F.pad(vector, (0, 1), value=1.0)


def _problems(side: int, modalities: Sized) -> Iterator[str]:
    count = len(modalities)
    size = (side + 1) ** count
    if size > LARGEST_PRODUCT:
        fits = int(LARGEST_PRODUCT ** (1 / count) + 1e-9) - 1
        yield (
            f"side={side} makes an outer product of ({side} + 1)^{count} = {size:,} values for "
            f"{count} modalities, more than {LARGEST_PRODUCT:,}; give side={fits} or less, or "
            "name=low_rank, which never forms it"
        )
