"""The interface that every task shares: prepare, count, loss; predict, metrics.

A training step asks each task to `prepare` the batch (draw what is random, once for the whole
batch), to `count` its valid items, and, for every part of the batch that fits in memory, for its
`loss` as a sum. Sums over a count that is known beforehand make the gradient independent of how
the batch is cut: accumulated, spread over ranks or padded, it is the same.

Evaluation asks for `predict` on every batch, and for `metrics` on all predictions together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.config import Config
from sensorium.model import Model


class TaskConfig(Config):
    """What every task has."""

    weight: float = Field(1.0, ge=0)
    """Weight of its mean loss in the sum over tasks."""


@dataclass
class Encoded:
    """What one forward pass has computed so far, shared by all tasks of the step.

    Attributes:
        encodings: modality -> `Encoding`, each computed once.
        similarity: (a, b) -> [K, K] cosine similarity, without gradient, of a to b for the K
            samples that have both; filled by `contrastive` for whoever comes after it.
    """

    encodings: dict[str, Encoding]
    similarity: dict[tuple[str, str], Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """A task's loss over (a part of) a batch.

    Attributes:
        total: scalar, the sum over its valid items.
        correct: scalar, how many of them were predicted rightly, for the log.
    """

    total: Tensor
    correct: Tensor


class Task(nn.Module):
    """y = g(h): a head, its loss, its predictions and their metrics.

    Attributes:
        needs_fusion: whether the model must have a fusion.
        needs_fused_tokens: whether the fusion must keep its tokens.
    """

    needs_fusion: ClassVar[bool] = False
    needs_fused_tokens: ClassVar[bool] = False

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Draw what this task hides or shuffles, once for the whole batch."""
        return batch

    def count(self, batch: Batch) -> int:
        """Valid items of a prepared batch: what the sum of its losses is divided by."""
        raise NotImplementedError

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        """The loss over all items of `batch`, summed."""
        raise NotImplementedError

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """What `metrics` needs of this batch: name -> tensor whose first axis is items."""
        raise NotImplementedError

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        """Figures from the predictions of all batches, joined along their first axis."""
        raise NotImplementedError


def both_present(encodings_or_inputs: Mapping[str, Any], modalities: tuple[str, str]) -> Tensor:
    """Indices [K] of the samples that have both modalities."""
    a, b = (encodings_or_inputs.get(m) for m in modalities)
    if a is None or b is None:
        return torch.zeros(0, dtype=torch.long)
    return (a.present & b.present).nonzero()[:, 0]


def same_items(batch: Batch, modality: str) -> Tensor | None:
    """[B, B] bool, which samples hold the same item; None where items cannot be compared.

    Two pictures under one caption are no negatives of each other, and calling them so teaches the
    model a falsehood. Token ids can be compared exactly; pixels cannot.
    """
    inputs = batch.inputs[modality]
    if inputs.values.is_floating_point() or inputs.values.dim() != 2:
        return None
    rows = torch.full((len(batch),), -1, device=inputs.present.device)
    rows[inputs.present] = inputs.values.unique(dim=0, return_inverse=True)[1]
    return rows[:, None] == rows[None, :]
