"""One pass over a split: every task's figures, and what the report shows of single samples.

Shapes: Q samples of the split that have both modalities of the contrastive pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from pydantic import Field
from torch import Tensor

from sensorium.batch import Batch, Encoding
from sensorium.config import Config
from sensorium.evaluation.rerank import reranked_ranks
from sensorium.tasks import Contrastive, Matching, Mixture
from sensorium.tasks.ranking import retrieval_figures
from sensorium.tasks.task import both_present


class EvaluationConfig(Config):
    """How a trained model is judged."""

    batch_size: int = Field(256, gt=1)
    """Samples encoded at a time; a wrong partner for `matching` is drawn among them."""
    rerank: int = Field(0, ge=0)
    """Candidates that `matching` sorts anew for every query, where both tasks are trained;
    0 leaves the order of the contrastive similarity."""


@dataclass(frozen=True)
class Retrieved:
    """Retrieval over a split, sample by sample.

    Attributes:
        modalities: (a, b), the pair of the contrastive task.
        ids: Q sample ids.
        similarity: [Q, Q] cosine similarity of each a to each b.
    """

    modalities: tuple[str, str]
    ids: list[str]
    similarity: Tensor


@dataclass(frozen=True)
class Evaluation:
    """Figures of one split.

    Attributes:
        metrics: flat, named `task/what`, as in `contrastive/image_to_text/recall_at_1`.
        samples: how many were looked at.
        retrieved: what was found for each sample; None without a contrastive task.
    """

    metrics: dict[str, float]
    samples: int
    retrieved: Retrieved | None


@dataclass
class _Collected:
    """What one pass over the batches gathers, on the CPU."""

    predictions: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)
    pair_ids: list[str] = field(default_factory=list)
    pair_encodings: list[dict[str, Encoding]] = field(default_factory=list)
    samples: int = 0

    def of_task(self, name: str) -> dict[str, Tensor]:
        return {what: torch.cat(parts) for what, parts in self.predictions[name].items()}


@torch.no_grad()
def evaluate(
    mixture: Mixture,
    batches: Iterable[Batch],
    config: EvaluationConfig,
    *,
    seed: int = 0,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Figures of every task over a split.

    Args:
        mixture: a trained model with its tasks.
        batches: one pass over the split.
        config: how it is judged.
        seed: draws hidden words and wrong partners, so that two evaluations agree.
        on_batch: told the number of samples after every batch.
    """
    with _evaluating(mixture):
        collected = _collect(mixture, batches, seed, config.rerank > 0, on_batch)
        metrics = {
            f"{name}/{what}": figure
            for name in collected.predictions
            for what, figure in mixture.tasks[name].metrics(collected.of_task(name)).items()
        }
        retrieved = _retrieved(mixture, collected)
        if retrieved is not None and config.rerank and "matching" in mixture.tasks:
            metrics |= _reranked_figures(mixture, collected, retrieved, config.rerank)
    return Evaluation(metrics, collected.samples, retrieved)


def _collect(
    mixture: Mixture,
    batches: Iterable[Batch],
    seed: int,
    keep_encodings: bool,
    on_batch: Callable[[int], None] | None,
) -> _Collected:
    device = next(mixture.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    collected = _Collected()
    for batch in batches:
        batch = batch.to(device)
        predictions, encodings = mixture.predict(batch, generator)
        for name, prediction in predictions.items():
            kept = collected.predictions.setdefault(name, defaultdict(list))
            for what, value in prediction.items():
                kept[what].append(value.cpu())
        if "contrastive" in predictions:
            pair = _contrastive(mixture).modalities
            rows = both_present(batch.inputs, pair)
            collected.pair_ids += [batch.ids[row] for row in rows.tolist()]
            if keep_encodings:
                collected.pair_encodings.append({m: encodings[m].rows(rows) for m in pair})
        collected.samples += len(batch)
        if on_batch is not None:
            on_batch(collected.samples)
    return collected


def _retrieved(mixture: Mixture, collected: _Collected) -> Retrieved | None:
    if "contrastive" not in collected.predictions:
        return None
    a, b = _contrastive(mixture).modalities
    embeddings = collected.of_task("contrastive")
    return Retrieved((a, b), collected.pair_ids, embeddings[a] @ embeddings[b].T)


def _reranked_figures(
    mixture: Mixture, collected: _Collected, retrieved: Retrieved, candidates: int
) -> dict[str, float]:
    matching = mixture.tasks["matching"]
    assert isinstance(matching, Matching)
    if set(matching.modalities) != set(retrieved.modalities):
        return {}
    ranks = reranked_ranks(
        mixture.model,
        matching,
        collected.pair_encodings,
        retrieved.modalities,
        retrieved.similarity * _contrastive(mixture).scale.cpu(),
        candidates,
    )
    return {
        f"matching/reranked_{direction}/{name}": figure
        for direction, of_queries in ranks.items()
        for name, figure in retrieval_figures(of_queries).items()
    }


def _contrastive(mixture: Mixture) -> Contrastive:
    task = mixture.tasks["contrastive"]
    assert isinstance(task, Contrastive), "a task is what its name says"
    return task


@contextmanager
def _evaluating(mixture: Mixture) -> Iterator[None]:
    was_training = mixture.training
    mixture.eval()
    try:
        yield
    finally:
        mixture.train(was_training)
