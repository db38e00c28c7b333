"""The interface that every fusion shares, and the settings that every one has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Encoding, Fused
from sensorium.config import Config


class FusionSettings(Config):
    """What every fusion has. Each adds a literal `name`, by which a recipe chooses it."""

    name: str
    """Which fusion."""
    width: int = Field(192, gt=0)
    """Values in the fused vector, and in each fused token (D)."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        """Why these settings cannot join these modalities, as in `side=64 makes ...`; nothing
        where they can."""
        yield from ()

    def fuses_tokens_of(self, modality: str) -> bool:
        """Whether the tokens of the modality, where they are kept, have looked at the others."""
        return True


class Fusion(nn.Module):
    """`{modality: Encoding}` -> `Fused`. Any subset of the known modalities is legal input.

    It is built from `(config, widths)`: its settings, and modality -> width of its encoder.

    Attributes:
        keeps_tokens: whether `Fused.tokens` is filled; a task that needs fused tokens (masked
            language modelling) is refused with a fusion that gives a vector only.
        width: D of the fused vector and tokens.
    """

    keeps_tokens: ClassVar[bool]
    width: int

    def forward(self, encodings: dict[str, Encoding]) -> Fused:
        raise NotImplementedError


def linear_maps(widths: Mapping[str, int], width: int, bias: bool = True) -> nn.ModuleDict:
    """A linear map to one width for each modality."""
    return nn.ModuleDict({m: nn.Linear(w, width, bias=bias) for m, w in widths.items()})


def where_present(
    encoding: Encoding, values: Float[Tensor, "B D"], otherwise: Tensor | float
) -> Float[Tensor, "B D"]:
    """The rows of the samples that have the modality, and `otherwise` in those of the others."""
    return torch.where(encoding.present[:, None], values, otherwise)
