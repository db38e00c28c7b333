"""Contrastive: the two modalities of a sample are drawn together, those of others apart.

    s_ij = exp(t) cos(W_a a_i, W_b b_j)
    loss = sum_i ( -log softmax_j(s_ij)[i]  -  log softmax_j(s_ji)[i] ) / 2

Shapes: B batch, K <= B samples with both modalities, E embedding width.

Source: Radford et al. 2021, "CLIP"; Oord et al. 2018, "InfoNCE".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.ranking import retrieval_figures, target_ranks
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig, both_present, same_items

LARGEST_SCALE = 100.0  # as CLIP: a sharper softmax makes training unstable


class ContrastiveConfig(TaskConfig):
    """Contrast of two modalities within the batch."""

    modalities: tuple[str, str] = ("image", "text")
    """The pair that is drawn together."""
    width: int = Field(192, gt=0)
    """Values in an embedding."""
    temperature: float = Field(0.07, gt=0)
    """Where the learned temperature starts."""


class Contrastive(Task):
    """Projects two modalities into one space and contrasts them, both ways."""

    def __init__(self, config: ContrastiveConfig, model: Model) -> None:
        super().__init__()
        self.modalities = config.modalities
        self.width = config.width
        self.project: Mapping[str, nn.Linear] = nn.ModuleDict(  # type: ignore[assignment]
            {m: nn.Linear(model.widths[m], config.width, bias=False) for m in config.modalities}
        )
        for m in config.modalities:
            nn.init.normal_(self.project[m].weight, std=model.widths[m] ** -0.5)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))

    @property
    def scale(self) -> Tensor:
        """1 / temperature, scalar."""
        return self.log_scale.float().clamp(max=math.log(LARGEST_SCALE)).exp()

    def embed(self, modality: str, encoding: Encoding) -> Float[Tensor, "B E"]:
        """Unit vectors of one modality."""
        return F.normalize(self.project[modality](encoding.pooled).float(), dim=-1)

    def count(self, batch: Batch) -> int:
        return len(both_present(batch.inputs, self.modalities))

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        a, b = self.modalities
        rows = both_present(encoded.encodings, self.modalities)
        u, v = (self.embed(m, encoded.encodings[m].rows(rows)) for m in (a, b))
        similarity = u @ v.T
        encoded.similarity[a, b] = similarity.detach()
        logits = self.scale * similarity
        correct = (logits.argmax(dim=1) == torch.arange(len(rows), device=rows.device)).sum()
        return Loss(contrastive_loss(logits, same_pairs(batch, self.modalities, rows)), correct)

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        rows = both_present(encoded.encodings, self.modalities)
        embeddings = {m: self.embed(m, encoded.encodings[m].rows(rows)) for m in self.modalities}
        a, b = self.modalities
        encoded.similarity[a, b] = embeddings[a] @ embeddings[b].T
        return embeddings

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        figures = {}
        for query, candidate in (self.modalities, self.modalities[::-1]):
            similarity = predictions[query] @ predictions[candidate].T
            ranks = target_ranks(similarity, torch.arange(len(similarity)))
            for name, figure in retrieval_figures(ranks).items():
                figures[f"{query}_to_{candidate}/{name}"] = figure
        return figures


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


def same_pairs(
    batch: Batch, modalities: tuple[str, str], rows: Tensor
) -> Bool[Tensor, "K K"] | None:
    """Which of the samples `rows` [K] hold the same item in either modality; None: unknown."""
    comparable = [s for m in modalities if (s := same_items(batch, m)) is not None]
    if not comparable:
        return None
    return torch.stack(comparable).any(dim=0)[rows][:, rows]
