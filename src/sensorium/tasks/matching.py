"""Matching: do these two belong together? A yes-or-no question to the fused representation.

    p(match | a, b) = sigmoid(w . h(a, b))

Every sample is seen three times: with its own partner, with a wrong b and with a wrong a. The wrong
ones are drawn hard: with probability softmax(cosine similarity / temperature), so that the more
alike two samples look, the likelier they meet. The similarity is that of the contrastive task, but
the temperature is fixed: at the learned one, which falls as training goes on, the draw would soon
be only ever the most confusable pair of the batch, and matching would never learn the rest.
Without a contrastive task they are drawn evenly.

Shapes: B batch, K <= B samples with both modalities, R <= K of them that this task looks at.

Source: section 3.1.2 of the document (ITM); Li et al. 2021, "Align before Fuse" (ALBEF), 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.contrastive import same_pairs
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig, both_present

LOOKED_AT = "matching looks at"  # the key, in a prepared batch's targets, of the marked samples


class MatchingConfig(TaskConfig):
    """Image-text matching, or that of any pair."""

    modalities: tuple[str, str] = ("image", "text")
    """The pair."""
    temperature: float = Field(0.2, gt=0)
    """Of the draw of wrong partners: the smaller, the harder they are."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of a batch's samples that are matched in a training step. Every one costs three passes
    through the fusion, while contrast is cheap and wants large batches."""


class Matching(Task):
    """A linear head on the fused vector."""

    needs_fusion: ClassVar[bool] = True

    def __init__(self, config: MatchingConfig, model: Model) -> None:
        super().__init__()
        assert model.fusion is not None, "the recipe refuses a matching task without a fusion"
        self.modalities = config.modalities
        self.temperature = config.temperature
        self.share = config.share
        self.head = nn.Linear(model.fusion.width, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def score(self, model: Model, a: Encoding, b: Encoding) -> Float[Tensor, " B"]:
        """Log-odds that each a belongs to the b in the same row."""
        fused = model.fuse(dict(zip(self.modalities, (a, b), strict=True)))
        return self.head(fused.vector).float()[:, 0]

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Mark the samples that are looked at; batches are shuffled, so the first are any."""
        rows = both_present(batch.inputs, self.modalities)
        looked_at = torch.zeros(len(batch), dtype=torch.bool, device=rows.device)
        if len(rows) > 1:  # one sample alone has no wrong partner
            looked_at[rows[: max(1, round(self.share * len(rows)))]] = True
        return replace(batch, targets={**batch.targets, LOOKED_AT: looked_at})

    def count(self, batch: Batch) -> int:
        return 3 * int(batch.targets[LOOKED_AT].sum())

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = both_present(encoded.encodings, self.modalities)
        own = batch.targets[LOOKED_AT][rows].nonzero()[:, 0]
        logits, labels = self._all_pairings(model, encoded, batch, rows, own, generator)
        loss = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        return Loss(loss, ((logits > 0) == labels.bool()).sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        rows = both_present(encoded.encodings, self.modalities)
        own = torch.arange(len(rows), device=rows.device)
        logits, labels = self._all_pairings(model, encoded, batch, rows, own, generator)
        return {"logits": logits, "labels": labels}

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        """Accuracy on matching and on wrong pairs, each half of the figure; guessing gives 0.5."""
        said_match = predictions["logits"] > 0
        is_match = predictions["labels"].bool()
        right_on_matches = said_match[is_match].double().mean().item()
        right_on_wrong = (~said_match[~is_match]).double().mean().item()
        return {"accuracy": (right_on_matches + right_on_wrong) / 2}

    def _all_pairings(
        self,
        model: Model,
        encoded: Encoded,
        batch: Batch,
        rows: Int[Tensor, " K"],
        own: Int[Tensor, " R"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, 3 * R], Float[Tensor, 3 * R]]:
        """Logits and labels: own partners, then a wrong b, then a wrong a, in one fusion pass."""
        a, b = (encoded.encodings[m].rows(rows) for m in self.modalities)
        similarity = encoded.similarity.get(self.modalities)
        if similarity is None:
            similarity = torch.zeros(len(rows), len(rows), device=rows.device)
        similarity = similarity / self.temperature
        right = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        same = same_pairs(batch, self.modalities, rows)
        wrong_only = similarity.masked_fill(right if same is None else right | same, float("-inf"))
        wrong_b = draw_hard(wrong_only[own], generator)
        wrong_a = draw_hard(wrong_only.T[own], generator)
        pick_a, pick_b = torch.cat([own, own, wrong_a]), torch.cat([own, wrong_b, own])
        logits = self.score(model, a.rows(pick_a), b.rows(pick_b))
        labels = torch.zeros_like(logits)
        labels[: len(own)] = 1
        return logits, labels


def draw_hard(similarity: Float[Tensor, "R K"], generator: torch.Generator) -> Int[Tensor, " R"]:
    """One column for each row, with probability softmax(similarity).

    A row of minus infinity, where the whole batch holds the same item, draws evenly: a wrong label
    there is rarer than a crash is costly.
    """
    probability = similarity.float().softmax(dim=1).nan_to_num(1.0)
    return torch.multinomial(probability, 1, generator=generator)[:, 0]
