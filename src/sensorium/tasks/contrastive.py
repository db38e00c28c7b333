"""Contrastive: the modalities of a sample are drawn together in one space, those of others apart.

    s_ij = exp(t_ab) cos(W_a a_i, W_b b_j)
    loss = sum over the pairs (a, b), and over the samples i that have both, of
           ( -log softmax_j(s_ij)[i]  -  log softmax_j(s_ji)[i] ) / 2

Every modality has one projection, whichever pairs it is in, so that all of them share a space.
Every pair has a temperature of its own, since how sharply its samples can be told apart differs: a
picture and its caption are one of thousands, a sound and its word perhaps one of ten.

Shapes: B batch, K <= B samples with both modalities of a pair, E embedding width.

Source: Radford et al. 2021, "CLIP"; Oord et al. 2018, "InfoNCE"; Girdhar et al. 2023, "ImageBind".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.pairs import Pair, PairsConfig, both_present, same_pairs, spread_keys
from sensorium.tasks.retrieval import Retrieval, retrievals
from sensorium.tasks.task import Encoded, Loss, Task

LARGEST_SCALE = 100.0  # as CLIP: a sharper softmax makes training unstable


class ContrastiveConfig(PairsConfig):
    """Contrast of pairs of modalities within the batch."""

    width: int = Field(192, gt=0)
    """Values in an embedding."""
    temperature: float = Field(0.07, gt=0)
    """Where the learned temperature of every pair starts."""


class Contrastive(Task):
    """Projects modalities into one space and contrasts them pair by pair, both ways.

    Attributes:
        pairs: what is contrasted.
        modalities: what has a place in the space, in the model's order.
    """

    def __init__(self, config: ContrastiveConfig, model: Model) -> None:
        super().__init__()
        self.pairs = config.pairs_of(model.widths)
        self.modalities = tuple(m for m in model.widths if any(m in pair for pair in self.pairs))
        self.width = config.width
        self.project: Mapping[str, nn.Linear] = nn.ModuleDict(  # type: ignore[assignment]
            {m: nn.Linear(model.widths[m], config.width, bias=False) for m in self.modalities}
        )
        for m in self.modalities:
            nn.init.normal_(self.project[m].weight, std=model.widths[m] ** -0.5)
        self.log_scales = nn.Parameter(
            torch.full((len(self.pairs),), -math.log(config.temperature))
        )

    def scale(self, pair: Pair) -> Float[Tensor, ""]:
        """1 / temperature of one of the pairs."""
        log_scale = self.log_scales[self.pairs.index(pair)]
        return log_scale.float().clamp(max=math.log(LARGEST_SCALE)).exp()

    def embed(self, modality: str, encoding: Encoding) -> Float[Tensor, "B E"]:
        """Unit vectors of one modality; zero where it is absent."""
        return F.normalize(self.project[modality](encoding.pooled).float(), dim=-1)

    def count(self, batch: Batch) -> int:
        return sum(len(both_present(batch.inputs, pair)) for pair in self.pairs)

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        embeddings = self._embeddings(encoded)
        losses, correct = [], []
        for pair in self.pairs:
            rows = both_present(encoded.encodings, pair)
            if len(rows):
                u, v = (embeddings[m].index_select(0, rows) for m in pair)
                similarity = u @ v.T
                encoded.similarity[pair] = similarity.detach()
                logits = self.scale(pair) * similarity
                own = torch.arange(len(rows), device=rows.device)
                losses.append(contrastive_loss(logits, same_pairs(batch, pair, rows)))
                correct.append((logits.argmax(dim=1) == own).sum())
        return Loss(torch.stack(losses).sum(), torch.stack(correct).sum())

    def can_predict(self, batch: Batch) -> bool:
        """Any two modalities of the space can be compared, also those that were no pair."""
        return any(
            len(both_present(batch.inputs, pair)) for pair in combinations(self.modalities, 2)
        )

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """By modality: embeddings [B, E], which are present, and the keys of equal items."""
        embeddings = self._embeddings(encoded)
        for pair in self.pairs:
            rows = both_present(encoded.encodings, pair)
            if len(rows):
                u, v = (embeddings[m].index_select(0, rows) for m in pair)
                encoded.similarity[pair] = u @ v.T
        predictions = {}
        nobody = torch.zeros(len(batch), dtype=torch.long, device=self.log_scales.device)
        for m in self.modalities:
            there = m in embeddings
            predictions[m] = (
                embeddings[m]
                if there
                else nobody.new_zeros((len(batch), self.width), dtype=torch.float32)
            )
            predictions[f"{m} present"] = encoded.encodings[m].present if there else nobody.bool()
            predictions[f"{m} key"] = spread_keys(batch.inputs[m]) if there else nobody
        return predictions

    def retrievals(self, predictions: Mapping[str, Tensor]) -> list[Retrieval]:
        """Every two modalities that some samples have both of, in both directions."""
        return [
            found
            for pair in combinations(self.modalities, 2)
            for found in retrievals(predictions, pair)
        ]

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            f"{found.direction}/{name}": figure
            for found in self.retrievals(predictions)
            for name, figure in found.figures().items()
        }

    def _embeddings(self, encoded: Encoded) -> dict[str, Tensor]:
        return {
            m: self.embed(m, encoded.encodings[m])
            for m in self.modalities
            if m in encoded.encodings
        }


def contrastive_loss(
    logits: Float[Tensor, "K K"], same: Bool[Tensor, "K K"] | None = None
) -> Float[Tensor, ""]:
    """The symmetric cross-entropy of matching rows and columns, summed over the K samples.

    Args:
        logits: similarity over temperature, sample i's a against sample j's b.
        same: pairs that hold the same item under two ids, and so are no negatives.
    """
    if same is not None:
        eye = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(same & ~eye, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    forward = F.cross_entropy(logits, target, reduction="sum")
    backward = F.cross_entropy(logits.T, target, reduction="sum")
    return (forward + backward) / 2
