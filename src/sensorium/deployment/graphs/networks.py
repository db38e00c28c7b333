"""The parts of a model as modules of plain tensors, as they are exported.

Shapes: B samples, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensorium.batch import Encoding, Inputs, Tokens
from sensorium.deployment.graphs.heads import Head, grid_read
from sensorium.model import Model

Parts = tuple[Tensor, Tensor, Tensor, Tensor]
"""Of one modality: tokens [B, N, D], which are real [B, N], one vector [B, D], who has it [B]."""


class EncoderNetwork(nn.Module):
    """Values and mask of one modality -> tokens, which are real, one vector, and what heads say.

    Args:
        model: whose encoder.
        modality: which.
        heads: those that read it alone.
        pad_to: to so many steps sounds are padded, since windows of theirs cannot be counted in a
            graph; None pads nothing.
    """

    def __init__(
        self, model: Model, modality: str, heads: Sequence[Head], pad_to: int | None = None
    ) -> None:
        super().__init__()
        self.encoder = model.encoders[modality]
        self.heads = list(heads)
        self.pad_to = pad_to

    def forward(self, values: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        if self.pad_to is not None and mask is not None:
            missing = self.pad_to - values.shape[1]
            values, mask = F.pad(values, (0, 0, 0, missing)), F.pad(mask, (0, missing))
        present = torch.ones_like(values.flatten(1)[:, 0], dtype=torch.bool)
        tokens, real = self.encoder.embed_and_encode(Inputs(values, mask, present), None)
        pooled = self.encoder.pool(tokens, real)
        if real is None:
            real = torch.ones_like(tokens[..., 0], dtype=torch.bool)
        encoding = Encoding(Tokens(tokens, real), pooled, present)
        said: list[Tensor] = []
        for head in self.heads:
            inputs = Inputs(values, None, present)
            seen = grid_read(self.encoder, encoding, inputs) if head.grid else encoding
            said += head.compute(seen)
        return (tokens, real, pooled, *said)


class FusedNetwork(nn.Module):
    """What the encoders gave -> the fused vector, and what heads say of it.

    Args:
        model: whose fusion.
        heads: those that read it.
    """

    def __init__(self, model: Model, heads: Sequence[Head]) -> None:
        super().__init__()
        assert model.fusion is not None, "there is a graph only where something is fused"
        self.fusion = model.fusion
        self.heads = list(heads)

    def forward(self, parts: Mapping[str, Parts]) -> tuple[Tensor, ...]:
        encodings = {}
        for modality, (values, mask, pooled, present) in parts.items():
            there = present[:, None]
            encodings[modality] = Encoding(Tokens(values, mask & there), pooled * there, present)
        vector = self.fusion(encodings).vector
        return (vector, *(x for head in self.heads for x in head.compute(vector)))
