"""What every task's answer about one sample rests on, as plain data.

    sample -> encoded once: what is said, and the shares of all subsets of its modalities
           -> some gradients on the way from a blank to it: what each patch, word and frame adds

An explainer can be used from several threads at once: it changes nothing, and takes gradients by
what enters the model alone, never by its weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sensorium.batch import Batch, Encoding, Sample
from sensorium.data import Modality, collate
from sensorium.data.target import Target
from sensorium.deployment.explain.gradients import integrated_gradients
from sensorium.deployment.explain.places import Relevance, Words, of_picture, of_sound, of_video
from sensorium.deployment.explain.views import spans
from sensorium.encoders import AudioEncoder
from sensorium.encoders.pixels import PixelEncoder
from sensorium.tasks import Encoded, Mixture
from sensorium.tasks.claim import Claim
from sensorium.tasks.shares import shares_of
from sensorium.tasks.task import as_figure

Explanation = dict[str, Any]


class Explainer:
    """Explains what a trained model says of a sample.

    Args:
        mixture: the model with its tasks, in evaluation mode.
        inputs: modality -> how its cells are read, as evaluation sees them.
        targets: what samples say of themselves beside, as what their pictures show of a file.
    """

    def __init__(
        self,
        mixture: Mixture,
        inputs: Mapping[str, Modality],
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        self.mixture = mixture
        self.inputs = inputs
        self.targets = targets
        self.hop_seconds = inputs["audio"].config.audio.hop_seconds
        self.words = Words(inputs["text"].tokenizer)
        self._device = next(mixture.parameters()).device

    def explain(self, sample: Sample) -> dict[str, Explanation]:
        """Task -> what its answer rests on.

        Each is `said`, `score` and its `unit`; `score_without`, with nothing seen at all;
        `modalities`: for each that the sample has, what its places add to the score; `shares`:
        what each adds as a whole (Shapley values, which add up to the score less that without);
        `withheld`: how far the score falls without it.
        """
        batch = collate([sample], self.inputs, self.targets).to(self._device)
        with torch.no_grad():
            encodings = self.mixture.model.encode(batch)
            claims = self.mixture.claims(batch, Encoded(encodings)) if encodings else {}
        return {
            name: self._explain(claim, batch, encodings)
            for name, claim in claims.items()
            if claim.said[0] is not None
        }

    def _explain(
        self, claim: Claim, batch: Batch, encodings: Mapping[str, Encoding]
    ) -> Explanation:
        model, tokenizer = self.mixture.model, self.words.tokenizer
        between = spans(model, batch, tokenizer.mask, tokenizer.special)
        added = integrated_gradients(model, claim, encodings, between)
        shares = shares_of(claim, encodings)
        return {
            "said": claim.said[0],
            "score": as_figure(shares.all.item()),
            "unit": claim.unit,
            "score_without": as_figure(shares.none.item()),
            "modalities": {m: self._places(m, batch, of.cpu()[0]) for m, of in added.items()},
            "shares": {m: as_figure(share.item()) for m, share in shares.shares.items()},
            "withheld": {m: as_figure(fall.item()) for m, fall in shares.withheld.items()},
        }

    def _places(self, modality: str, batch: Batch, added: Tensor) -> Relevance:
        """What the places of one modality add, added up from what its values add."""
        encoder = self.mixture.model.encoders[modality]
        if isinstance(encoder, AudioEncoder):
            return of_sound(encoder, added, self.hop_seconds)
        if isinstance(encoder, PixelEncoder):
            return (of_picture if modality == "image" else of_video)(encoder, added)
        return self.words.relevance(batch.inputs[modality].values[0].tolist(), added)
