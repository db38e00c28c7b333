"""Embeds samples of a single modality, as the run's contrastive task learned to.

Shapes: K samples, E embedding width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data import Modality, collate
from sensorium.errors import RunError
from sensorium.tasks import Contrastive, Mixture
from sensorium.tasks.pairs import Pair


class Embedder:
    """Samples -> unit vectors of one space, whatever their modality.

    Args:
        mixture: a trained model with its tasks.
        inputs: modality -> how its values are padded.

    Raises:
        RunError: where the model has not learned such a space.
    """

    def __init__(self, mixture: Mixture, inputs: Mapping[str, Modality]) -> None:
        if "contrastive" not in mixture.tasks:
            raise RunError(
                "this run has no contrastive task, so its modalities share no space to search in; "
                "train one with tasks.contrastive"
            )
        contrastive = mixture.tasks["contrastive"]
        assert isinstance(contrastive, Contrastive)
        self.mixture, self.contrastive, self.inputs = mixture.eval(), contrastive, inputs
        self.device = next(mixture.parameters()).device

    @property
    def modalities(self) -> tuple[str, ...]:
        """What can be embedded."""
        return self.contrastive.modalities

    def sought_by(self, modality: str) -> str:
        """What is looked for by a query, unless it is said: pictures, or, where the model does not
        know them, the first modality that it knows beside that of the query."""
        others = (other for other in self.modalities if other != modality)
        return "image" if "image" in self.modalities else next(others)

    def pair(self, modality: str, other: str) -> Pair | None:
        """The two as the contrastive task names their pair; None where they were not contrasted."""
        pairs = self.contrastive.pairs
        return next((pair for pair in pairs if set(pair) == {modality, other}), None)

    def scale(self, modality: str, other: str) -> float:
        """1 / temperature of the pair."""
        pair = self.pair(modality, other)
        assert pair is not None, "the caller has asked for it"
        return self.contrastive.scale(pair).item()

    @torch.no_grad()
    def embed(self, samples: Sequence[Sample], modality: str) -> Tensor:
        """Unit vectors [K, E], on the CPU, of samples that all have the modality."""
        batch = collate(samples, self.inputs).to(self.device)
        encoding = self.mixture.model.encode_modality(modality, batch.inputs[modality])
        return self.contrastive.embed(modality, encoding).cpu()
