"""Contrastive: the modalities of a sample are drawn together in one space, those of others apart.

    s_ij = exp(t_ab) cos(W_a a_i, W_b b_j)
    loss = sum over the pairs (a, b), and over the samples i that have both, of
           ( -log softmax_j(s_ij)[i]  -  log softmax_j(s_ji)[i] ) / 2            softmax, or
           - sum over j of log sigmoid(z_ij (s_ij + bias_ab))                    sigmoid; z is 1, -1

Every modality has one projection, whichever pairs it is in, so that all of them share a space.
Every pair has a temperature of its own, since how sharply its samples can be told apart differs: a
picture and its caption are one of thousands, a sound and its word perhaps one of ten.

Over several ranks every sample is contrasted with those of all of them, as it is in one process
that has the whole batch.

Shapes: B batch, K <= B samples with both modalities of a pair, M >= K those of all ranks together,
E embedding width.

Source: Radford et al. 2021, "CLIP"; Oord et al. 2018, "InfoNCE"; Zhai et al. 2023, "SigLIP";
Girdhar et al. 2023, "ImageBind".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from sensorium import ranks
from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.claim import Claim, Encodings
from sensorium.tasks.contrast import Kind, contrast
from sensorium.tasks.pairs import (
    Pair,
    PairsConfig,
    PairsTold,
    both_present,
    claim_of_pair,
    comparable_keys,
    spread_keys,
)
from sensorium.tasks.retrieval import Retrieval, figures_by_direction, retrievals
from sensorium.tasks.tally import ROWS, Tally
from sensorium.tasks.task import Encoded, Loss, Task, Told

TEMPERATURES = {"softmax": 0.07, "sigmoid": 0.1}  # to start with, as CLIP and SigLIP
LARGEST_SCALE = 100.0  # as CLIP: a sharper softmax makes training unstable


class ContrastiveConfig(PairsConfig):
    """Contrast of pairs of modalities within the batch."""

    width: int = Field(192, gt=0)
    """Values in an embedding."""
    loss: Kind = "softmax"
    """softmax: each sample finds its own among all of the batch (CLIP); sigmoid: each two are
    judged by themselves, own or not (SigLIP), which asks less of the batch's size."""
    temperature: float | None = Field(None, gt=0)
    """Where the learned temperature of every pair starts; by default 0.07, with sigmoid 0.1."""
    bias: float = -10.0
    """Where the learned bias of every pair starts, with sigmoid: nearly all twos do not belong
    together."""
    chunk: int | None = Field(None, gt=0)
    """Samples whose similarities are held at a time; they are computed anew in the backward pass.
    The result is the same, for less memory in batches of tens of thousands. None holds all."""


class Contrastive(Task):
    """Projects modalities into one space and contrasts them pair by pair, both ways.

    Attributes:
        pairs: what is contrasted.
        modalities: what has a place in the space, in the model's order.
    """

    looks_across_ranks: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = False

    def __init__(self, config: ContrastiveConfig, model: Model) -> None:
        super().__init__()
        self.pairs = config.pairs_of(model.widths)
        self.modalities = tuple(m for m in model.widths if any(m in pair for pair in self.pairs))
        self.width = config.width
        self.chunk = config.chunk
        self.kind = config.loss
        self.project: Mapping[str, nn.Linear] = nn.ModuleDict(  # type: ignore[assignment]
            {m: nn.Linear(model.widths[m], config.width, bias=False) for m in self.modalities}
        )
        for m in self.modalities:
            nn.init.normal_(self.project[m].weight, std=model.widths[m] ** -0.5)
        temperature = config.temperature or TEMPERATURES[config.loss]
        self.log_scales = nn.Parameter(torch.full((len(self.pairs),), -math.log(temperature)))
        if config.loss == "sigmoid":
            self.biases = nn.Parameter(torch.full((len(self.pairs),), config.bias))

    def scale(self, pair: Pair) -> Float[Tensor, ""]:
        """1 / temperature of one of the pairs."""
        log_scale = self.log_scales[self.pairs.index(pair)]
        return log_scale.float().clamp(max=math.log(LARGEST_SCALE)).exp()

    def bias(self, pair: Pair) -> Float[Tensor, ""]:
        """What is added to the logits of one of the pairs."""
        if self.kind == "softmax":
            return self.log_scales.new_zeros((), dtype=torch.float32)
        return self.biases[self.pairs.index(pair)].float()

    def embed(self, modality: str, encoding: Encoding) -> Float[Tensor, "B E"]:
        """Unit vectors of one modality; zero where it is absent."""
        return F.normalize(self.project[modality](encoding.pooled).float(), dim=-1)

    def count(self, batch: Batch) -> int:
        return sum(len(both_present(batch.inputs, pair)) for pair in self.pairs)

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        embeddings = self._embeddings(encoded)
        encoded.embeddings |= {m: of_own.detach() for m, of_own in embeddings.items()}
        space = self._space(embeddings, encoded, batch)
        total, correct = 0.0 * self.log_scales.sum(), torch.zeros_like(self.log_scales).sum()
        for pair in self.pairs:
            rows = space.rows(pair)
            own = space.own(rows)
            if len(rows):
                u, v = (space.embeddings[m].index_select(0, rows) for m in pair)
                keys = torch.stack([space.keys[m][rows] for m in pair], dim=1)
                learned = self.scale(pair), self.bias(pair)
                loss, right = contrast(self.kind, u, v, own, keys, *learned, self.chunk)
                total, correct = total + loss, correct + right
        return Loss(total, correct)

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
        encoded.embeddings |= embeddings
        nobody = torch.zeros(len(batch), dtype=torch.long, device=self.log_scales.device)
        predictions = {ROWS: torch.arange(len(batch), device=nobody.device)}
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

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The cosine similarity of every two modalities that a sample has."""
        embeddings = self._embeddings(encoded)
        told = PairsTold(len(batch))
        for pair in combinations(self.modalities, 2):
            rows = both_present(encoded.encodings, pair)
            if len(rows):
                u, v = (embeddings[m].index_select(0, rows) for m in pair)
                told.add(pair, rows, (u * v).sum(dim=1))
        return told.samples

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The cosine similarity of every two modalities that a sample has."""

        def similarity(encodings: Encodings) -> Tensor:
            u, v = (self.embed(m, encoding) for m, encoding in encodings.items())
            return (u * v).sum(dim=1)

        pairs = list(combinations(self.modalities, 2))
        return [
            claim_of_pair(pair, encoded, "similarity", similarity, of_several=len(pairs) > 1)
            for pair in pairs
            if len(both_present(encoded.encodings, pair))
        ]

    def retrievals(self, predictions: Mapping[str, Tensor]) -> list[Retrieval]:
        """Every two modalities that some samples have both of, in both directions."""
        return [
            found
            for pair in combinations(self.modalities, 2)
            for found in retrievals(predictions, pair)
        ]

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        return figures_by_direction(self.retrievals(predictions))[0]

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        return figures_by_direction(self.retrievals(predictions))[1]

    def _embeddings(self, encoded: Encoded) -> dict[str, Tensor]:
        return {
            m: self.embed(m, encoded.encodings[m])
            for m in self.modalities
            if m in encoded.encodings
        }

    def _space(self, embeddings: dict[str, Tensor], encoded: Encoded, batch: Batch) -> _Space:
        """The embeddings of this batch, and with them those of all other ranks."""
        present = {m: encoded.encodings[m].present for m in embeddings}
        keys = {m: comparable_keys(batch, m) for m in embeddings}
        if ranks.count() == 1:
            return _Space(embeddings, present, keys, range(len(batch)))
        sizes = ranks.everyone(len(batch))
        start = sum(sizes[: ranks.rank()])
        nothing = self.log_scales.new_zeros((len(batch), self.width), dtype=torch.float32)
        nobody = torch.zeros_like(nothing[:, 0], dtype=torch.long)
        every = torch.stack([embeddings.get(m, nothing) for m in self.modalities], dim=1)
        # All ranks or none have to send a gradient back, also one without any of the modalities.
        every = ranks.gather(every + 0.0 * self.log_scales.sum())
        known = torch.stack(
            [of.get(m, nobody).long() for m in self.modalities for of in (present, keys)], dim=1
        )
        known = ranks.gather(known)
        columns = list(enumerate(self.modalities))
        return _Space(
            embeddings={m: every[:, column] for column, m in columns},
            present={m: known[:, 2 * column].bool() for column, m in columns},
            keys={m: known[:, 2 * column + 1] for column, m in columns},
            mine=range(start, start + len(batch)),
        )


@dataclass(frozen=True)
class _Space:
    """What is contrasted: the S samples of all ranks, of which `mine` are this one's.

    Attributes:
        embeddings: modality -> [S, E].
        present: modality -> [S].
        keys: modality -> [S], of equal items.
        mine: places in S.
    """

    embeddings: dict[str, Tensor]
    present: dict[str, Tensor]
    keys: dict[str, Tensor]
    mine: range

    def rows(self, pair: Pair) -> Int[Tensor, " M"]:
        """The samples that have both."""
        if not all(modality in self.present for modality in pair):
            return torch.zeros(0, dtype=torch.long)
        return (self.present[pair[0]] & self.present[pair[1]]).nonzero()[:, 0]

    def own(self, rows: Int[Tensor, " M"]) -> Int[Tensor, " K"]:
        """Which of some rows are this rank's."""
        return ((rows >= self.mine.start) & (rows < self.mine.stop)).nonzero()[:, 0]
