"""Concatenation fusion: pooled vectors side by side, and a small network over them (late fusion).

    z_m = x_m where modality m is present, a_m where it is absent                      (a_m learned)
    h   = W_2 gelu(W_1 [z_1; ...; z_M] + b_1) + b_2

The hidden layer is what lets modalities interact: without it, h and whatever a task reads off it
by a linear head would be a sum of what each modality says alone.

Absence: a learned vector a_m stands in for x_m.

Shapes: B batch, M modalities, x_m [B, D_m] pooled by its encoder, D width of the fusion.

Source: Ngiam et al. 2011, "Multimodal Deep Learning" (a shared layer over joined modalities);
Baltrusaitis et al. 2019, "Multimodal Machine Learning: A Survey and Taxonomy", section 6.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused
from sensorium.fusion.fusion import Fusion, FusionSettings, where_present
from sensorium.layers.transformer import initialise_transformer


class ConcatConfig(FusionSettings):
    """Pooled vectors side by side, and a small network over them."""

    name: Literal["concat"] = "concat"
    """Which fusion."""
    feed_forward_ratio: float = Field(4.0, gt=0)
    """Hidden width of the network over the width."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the hidden layer's values dropped in training."""


class ConcatFusion(Fusion):
    """A network with one hidden layer over the pooled vectors of all modalities.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder; the order in which they are joined.
    """

    keeps_tokens: ClassVar[bool] = False

    def __init__(self, config: ConcatConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.modalities = list(widths)
        self.absent = nn.ParameterDict({m: torch.empty(w) for m, w in widths.items()})
        hidden = int(config.width * config.feed_forward_ratio)
        self.expand = nn.Linear(sum(widths.values()), hidden)
        self.contract = nn.Linear(hidden, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(initialise_transformer)
        for vector in self.absent.values():
            nn.init.normal_(vector, std=0.02)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        samples = next(iter(encodings.values())).present.shape[0]
        joined = torch.cat(
            [self._vector(m, encodings.get(m), samples) for m in self.modalities], dim=1
        )
        hidden = nn.functional.gelu(self.expand(joined))
        return Fused({}, self.contract(self.dropout(hidden)))

    def _vector(
        self, modality: str, encoding: Encoding | None, samples: int
    ) -> Float[Tensor, "B D"]:
        absent = self.absent[modality].expand(samples, -1)
        return absent if encoding is None else where_present(encoding, encoding.pooled, absent)
