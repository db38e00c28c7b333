"""The interface that every fusion shares."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from sensorium.batch import Encoding, Fused


class Fusion(nn.Module):
    """`{modality: Encoding}` -> `Fused`. Any subset of the known modalities is legal input.

    Attributes:
        keeps_tokens: whether `Fused.tokens` is filled; a task that needs fused tokens (masked
            language modelling) is refused with a fusion that gives a vector only.
        width: D of the fused vector and tokens.
    """

    keeps_tokens: ClassVar[bool]
    width: int

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        raise NotImplementedError
