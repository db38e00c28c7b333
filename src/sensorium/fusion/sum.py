"""Sum fusion: each modality's pooled vector is mapped to one space, and they are added.

    h = sum over the present m of  W_m x_m + b_m

Additive, and so the baseline of all the others: what a linear head reads off h is a sum of what
each modality says alone. By how much another fusion does better, the task needs modalities to
interact. Matching does, and cannot be learned from a sum: f(a) + g(b) ranks every b alike for
all a.

Absence: an absent modality adds nothing.

Shapes: B batch, x_m [B, D_m] pooled by its encoder, D width of the fusion.

Source: section 2.4 of the document; Hessel and Lee 2020, "Does my multimodal model learn
cross-modal interactions?" (the additive model as a baseline).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch

from sensorium.batch import Encoding, Fused
from sensorium.fusion.fusion import Fusion, FusionSettings, linear_maps, where_present
from sensorium.layers.transformer import initialise_transformer


class SumConfig(FusionSettings):
    """Pooled vectors, added."""

    name: Literal["sum"] = "sum"
    """Which fusion."""


class SumFusion(Fusion):
    """The sum of linear maps of the pooled vectors.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = False

    def __init__(self, config: SumConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.project = linear_maps(widths, config.width)
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        terms = [where_present(e, self.project[m](e.pooled), 0.0) for m, e in encodings.items()]
        return Fused({}, torch.stack(terms).sum(dim=0))
