"""A trained model with all that it needs to read inputs, whichever kind of folder it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sensorium.batch import Learned
from sensorium.data import DataConfig, Modality, Tokenizer, build_modalities
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.predictor import Predictor
from sensorium.tasks import Mixture


@dataclass(frozen=True)
class Trained:
    """What answering needs of a run or of a bundle.

    Attributes:
        folder: it came from there, and its search index lies there.
        name: of its recipe.
        mixture: the model with its tasks, in evaluation mode.
        tokenizer: of its texts.
        data: how inputs are read, and from which columns.
        learned: target field -> what the rows to train on told of it.
        engine: what computes, in words, as in `float32 by PyTorch`.
    """

    folder: Path
    name: str
    mixture: Mixture
    tokenizer: Tokenizer
    data: DataConfig
    learned: Mapping[str, Learned]
    engine: str = "float32 by PyTorch"

    @cached_property
    def inputs(self) -> dict[str, Modality]:
        """Modality -> how its cells are read."""
        return build_modalities(self.data, self.tokenizer)

    def predictor(self) -> Predictor:
        """What answers rows."""
        return Predictor(self.mixture, self.inputs)

    def embedder(self) -> Embedder:
        """What embeds single modalities in their common space.

        Raises:
            RunError: where the model has not learned one.
        """
        return Embedder(self.mixture, self.inputs)
