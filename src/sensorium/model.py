"""f: whatever modalities a sample has -> one representation of it. Start reading here.

    h = f(x_1, x_2, ..., x_n)

A model is a dictionary of encoders, keyed by modality, and a fusion. It knows no task: what is
asked of h is in `tasks/`. A row may lack any modality; it is not encoded and not replaced by zeros.

Source: section 2.1 of the document.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from sensorium.batch import Batch, Encoding, Fused, Inputs, Representation
from sensorium.config import Config
from sensorium.encoders import ENCODERS, Encoder, EncodersConfig
from sensorium.fusion import FUSIONS, Fusion, FusionConfig
from sensorium.layers.transformer import Transformer


class ModelConfig(Config):
    """Encoders, and how what they see is joined."""

    encoders: EncodersConfig
    """One encoder for each modality."""
    fusion: FusionConfig | None = None
    """How modalities are joined; none for two encoders that only meet in a loss (CLIP)."""


class Model(nn.Module):
    """Encoders and a fusion, composed.

    Args:
        encoders: modality -> its encoder.
        fusion: joins their encodings; None leaves them apart.

    Attributes:
        widths: modality -> width of its encoder's tokens.
    """

    def __init__(self, encoders: Mapping[str, Encoder], fusion: Fusion | None = None) -> None:
        super().__init__()
        self.widths = {modality: encoder.width for modality, encoder in encoders.items()}
        self.encoders: Mapping[str, Encoder] = nn.ModuleDict(encoders)  # type: ignore[assignment]
        self.fusion = fusion

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> Representation:
        """h of every sample.

        Args:
            batch: B samples; modalities that the model has no encoder for are left alone.
            generator: draws what training hides from the encoders; None hides nothing.
        """
        encodings = self.encode(batch, generator)
        return Representation(encodings, self.fuse(encodings) if self.fusion else None)

    def compile_transformers(self) -> None:
        """Let `torch.compile` fuse what the Transformers do; slow at the first steps."""
        for module in self.modules():
            if isinstance(module, Transformer):
                module.compile(dynamic=True)

    def encode(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Encoding]:
        """Every modality of the batch, each by its own encoder, unless it comes encoded."""
        precision = next(self.parameters()).dtype  # of copies, in a step of another precision
        return {
            modality: batch.encodings[modality].to(precision)
            if modality in batch.encodings
            else self.encode_modality(modality, inputs, generator)
            for modality, inputs in batch.inputs.items()
            if modality in self.encoders and inputs.present.any()
        }

    def encode_modality(
        self, modality: str, inputs: Inputs, generator: torch.Generator | None = None
    ) -> Encoding:
        """One modality of the batch."""
        return self.encoders[modality](inputs, generator)

    def fuse(self, encodings: dict[str, Encoding]) -> Fused:
        """Join encodings, of the same samples in the same order, into one representation.

        Raises:
            ValueError: for a model without fusion, or where there is nothing to join.
        """
        if self.fusion is None:
            raise ValueError("this model has no fusion; set model.fusion in the recipe")
        if not encodings:
            raise ValueError("no sample of the batch has a modality that the model knows")
        return self.fusion(encodings)


def build_model(config: ModelConfig, sizes: Mapping[str, Mapping[str, int]]) -> Model:
    """Build the encoders and the fusion that a recipe describes, with fresh weights.

    Args:
        config: what to build.
        sizes: modality -> what its encoder has to know of the data, by argument name, as in
            `{"text": {"vocabulary": 5000, "context_tokens": 32}}`.
    """
    encoders = {m: ENCODERS[m](c, **sizes[m]) for m, c in config.encoders.chosen().items()}
    if config.fusion is None:
        return Model(encoders)
    widths = {modality: encoder.width for modality, encoder in encoders.items()}
    return Model(encoders, FUSIONS[config.fusion.name](config.fusion, widths))
