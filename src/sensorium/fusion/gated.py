"""Gated fusion: a gate for every dimension decides how much of each modality passes.

    v_m = tanh(W_m x_m + b_m)
    s_m = sum over the present k of  V_mk x_k  + c_m
    g_m = exp(s_m) / sum over the present k of exp(s_k)                  dimension by dimension
    h   = sum over the present m of  g_m * v_m

Every gate reads all modalities, so a modality can be believed less where another one contradicts
it. With two modalities g_1 = sigmoid(s_1 - s_2) and g_2 = 1 - g_1: the gated multimodal unit.

Absence: the gate of an absent modality is masked, and the gates of the rest sum to 1 again; the
gates of the others do not read it. A sample alone with one modality has h = v_m.

Shapes: B batch, M modalities, x_m [B, D_m] pooled by its encoder, D width of the fusion.

Source: Arevalo et al. 2017, "Gated Multimodal Units for Information Fusion", section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import nn

from sensorium.batch import Encoding, Fused
from sensorium.fusion.fusion import Fusion, FusionSettings, linear_maps, where_present
from sensorium.layers.transformer import initialise_transformer


class GatedConfig(FusionSettings):
    """Gates decide how much of each modality passes."""

    name: Literal["gated"] = "gated"
    """Which fusion."""


class GatedFusion(Fusion):
    """The gated multimodal unit, for any number of modalities.

    Args:
        config: its settings.
        widths: modality -> width D_m of its encoder.
    """

    keeps_tokens: ClassVar[bool] = False

    def __init__(self, config: GatedConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = config.width
        self.modalities = list(widths)
        self.project = linear_maps(widths, config.width)
        self.gates = linear_maps(widths, len(widths) * config.width, bias=False)
        self.gate_bias = nn.Parameter(torch.zeros(len(widths), config.width))
        self.apply(initialise_transformer)

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        values = torch.stack([self.project[m](e.pooled).tanh() for m, e in encodings.items()])
        read = [where_present(e, self.gates[m](e.pooled), 0.0) for m, e in encodings.items()]
        scores = torch.stack(read).sum(dim=0).unflatten(1, self.gate_bias.shape) + self.gate_bias
        rows = [self.modalities.index(m) for m in encodings]
        scores = scores[:, rows].transpose(0, 1)  # [M, B, D], as values
        present = torch.stack([e.present for e in encodings.values()])[:, :, None]
        gates = scores.masked_fill(~present, torch.finfo(scores.dtype).min).softmax(dim=0)
        return Fused({}, (gates * values).where(present, 0.0).sum(dim=0))
