"""One pass over a split: every task's figures, and what the report shows of single samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from sensorium.batch import Batch
from sensorium.config import Config
from sensorium.evaluation.rerank import KeptEncodings, Reranker
from sensorium.tasks import Contrastive, MaskedImage, Matching, Mixture
from sensorium.tasks.calibration import Calibration
from sensorium.tasks.class_report import ClassReport
from sensorium.tasks.mistakes import Mistake
from sensorium.tasks.places import Located, Locating
from sensorium.tasks.reconstruction import Reconstruction, reconstruct
from sensorium.tasks.retrieval import Retrieval, figures_by_direction
from sensorium.tasks.tally import Tally, names_rows
from sensorium.tasks.writing import Writing
from sensorium.tasks.written import Written

RECONSTRUCTED = 8
"""Samples whose pictures are reconstructed, to be seen."""

MISTAKES = 12
"""Samples of each task that are shown, of those that it is most wrong about."""


class EvaluationConfig(Config):
    """How a trained model is judged."""

    batch_size: int = Field(256, gt=1)
    """Samples encoded at a time; a wrong partner for `matching` is drawn among them."""
    rerank: int = Field(0, ge=0)
    """Candidates that `matching` sorts anew for every query, where both tasks are trained;
    0 leaves the order of the contrastive similarity."""
    withhold: Literal["each", "subsets"] = "each"
    """What the model has to do without, beside the figures of the whole: `each` modality alone, or
    all `subsets` of them, which are many where modalities are."""

    def withheld_of(self, modalities: Sequence[str]) -> list[tuple[str, ...]]:
        """What is withheld of a model of these modalities; nothing where it has only one."""
        largest = len(modalities) - 1 if self.withhold == "subsets" else min(1, len(modalities) - 1)
        return [
            hidden for size in range(1, largest + 1) for hidden in combinations(modalities, size)
        ]


@dataclass(frozen=True)
class Evaluation:
    """Figures of one split.

    Attributes:
        metrics: flat, named `task/what`, as in `contrastive/image_to_text/recall_at_1`.
        ids: of the samples that were looked at; the number of a sample is its place here.
        tallies: of those figures that are functions of sums over samples, by the same names.
        classes: task -> how well it tells each class, of those that tell classes.
        calibrations: task -> how far its probabilities can be believed, where it gives any.
        mistakes: task -> the samples that it is most wrong about, the worst first.
        retrieved: what was found for what, in every direction; empty without a contrastive task.
        written: task -> what it wrote of every sample that has words.
        located: task -> the places that it said of every picture, beside the true ones.
        withheld: modalities joined by "+" -> the figures that are left without them.
        reconstructed: pictures of the first samples, of which most was hidden; empty without a
            masked image task.
    """

    metrics: dict[str, float]
    ids: list[str]
    tallies: dict[str, Tally]
    classes: dict[str, ClassReport]
    calibrations: dict[str, Calibration]
    mistakes: dict[str, list[Mistake]]
    retrieved: list[Retrieval]
    written: dict[str, list[Written]]
    located: dict[str, list[Located]]
    withheld: dict[str, dict[str, float]]
    reconstructed: list[Reconstruction] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """How many were looked at."""
        return len(self.ids)


@dataclass
class _Predicted:
    """The predictions of every task over all batches, on the CPU."""

    parts: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)

    def add(self, predictions: Mapping[str, Mapping[str, Tensor]], first_row: int) -> None:
        """Take in a batch whose samples are counted from `first_row` on."""
        for name, prediction in predictions.items():
            kept = self.parts.setdefault(name, defaultdict(list))
            for what, value in prediction.items():
                kept[what].append(value.cpu() + first_row if names_rows(what) else value.cpu())

    def of_task(self, name: str) -> dict[str, Tensor]:
        return {what: torch.cat(parts) for what, parts in self.parts[name].items()}

    def metrics(self, mixture: Mixture) -> dict[str, float]:
        return {
            f"{name}/{what}": figure
            for name in self.parts
            for what, figure in mixture.tasks[name].metrics(self.of_task(name)).items()
        }


@dataclass
class _Collected:
    """What one pass over the batches gathers.

    Attributes:
        predicted: with nothing withheld, and then with each of what is withheld.
        modalities: that some sample has.
        first: the first samples.
    """

    predicted: list[_Predicted]
    ids: list[str] = field(default_factory=list)
    encodings: KeptEncodings = field(default_factory=KeptEncodings)
    modalities: set[str] = field(default_factory=set)
    first: Batch | None = None


@torch.no_grad()
def evaluate(
    mixture: Mixture,
    batches: Iterable[Batch],
    config: EvaluationConfig,
    *,
    seed: int = 0,
    withheld: Sequence[tuple[str, ...]] = (),
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Figures of every task over a split.

    Args:
        mixture: a trained model with its tasks.
        batches: one pass over the split.
        config: how it is judged.
        seed: draws hidden words and wrong partners, so that two evaluations agree.
        withheld: modalities that the model is to do without; for each of these the figures are
            given that can be computed then, without re-ranking.
        on_batch: told the number of samples after every batch.
    """
    with _evaluating(mixture):
        collected = _collect(mixture, batches, seed, config.rerank > 0, withheld, on_batch)
        whole, *others = collected.predicted
        told = [(name, mixture.tasks[name], whole.of_task(name)) for name in whole.parts]
        metrics: dict[str, float] = {}
        tallies: dict[str, Tally] = {}
        retrieved: list[Retrieval] = []
        for name, task, predictions in told:
            if isinstance(task, Contrastive):  # whose similarities are many, and needed again
                retrieved = task.retrievals(predictions)
                figures, sums = figures_by_direction(retrieved)
            else:
                sums = task.tallies(predictions)
                figures = task.figures(predictions, sums)
            metrics |= {f"{name}/{what}": figure for what, figure in figures.items()}
            tallies |= {f"{name}/{what}": tally for what, tally in sums.items()}
        if retrieved and config.rerank and "matching" in mixture.tasks:
            contrastive, matching = (mixture.tasks[name] for name in ("contrastive", "matching"))
            assert isinstance(contrastive, Contrastive), "a task is what its name says"
            assert isinstance(matching, Matching), "a task is what its name says"
            reranker = Reranker(mixture.model, contrastive, matching, collected.encodings)
            reranked, reranked_tallies = reranker.figures(retrieved, config.rerank)
            metrics, tallies = metrics | reranked, tallies | reranked_tallies
        left = {
            "+".join(hidden): predicted.metrics(mixture)
            for hidden, predicted in zip(withheld, others, strict=True)
            if collected.modalities >= set(hidden)
        }
        reconstructed = _reconstructed(mixture, collected.first, seed)
        classes = {name: task.class_report(of) for name, task, of in told}
        calibrations = {name: task.calibration(of) for name, task, of in told}
        mistakes = {name: task.mistakes(of, MISTAKES) for name, task, of in told}
        written = {n: task.written(of) for n, task, of in told if isinstance(task, Writing)}
        located = {n: task.located(of) for n, task, of in told if isinstance(task, Locating)}
    return Evaluation(
        metrics=metrics,
        ids=collected.ids,
        tallies=tallies,
        classes={name: of for name, of in classes.items() if of is not None},
        calibrations={name: of for name, of in calibrations.items() if of is not None},
        mistakes={name: of for name, of in mistakes.items() if of},
        retrieved=retrieved,
        written=written,
        located=located,
        withheld=left,
        reconstructed=reconstructed,
    )


def _collect(
    mixture: Mixture,
    batches: Iterable[Batch],
    seed: int,
    keep_encodings: bool,
    withheld: Sequence[tuple[str, ...]],
    on_batch: Callable[[int], None] | None,
) -> _Collected:
    device = next(mixture.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    collected = _Collected([_Predicted() for _ in ((), *withheld)])
    for batch in batches:
        batch, first_row = batch.to(device), len(collected.ids)
        predictions, encodings = mixture.predict(batch, generator, ((), *withheld))
        for predicted, prediction in zip(collected.predicted, predictions, strict=True):
            predicted.add(prediction, first_row)
        if "contrastive" in predictions[0] and keep_encodings:
            collected.encodings.add(encodings, first_row)
        collected.ids += batch.ids
        if collected.first is None:
            collected.first = batch.rows(torch.arange(min(RECONSTRUCTED, len(batch))))
        collected.modalities |= encodings.keys()
        if on_batch is not None:
            on_batch(len(collected.ids))
    return collected


def _reconstructed(mixture: Mixture, batch: Batch | None, seed: int) -> list[Reconstruction]:
    if batch is None or "masked_image" not in mixture.tasks:
        return []
    task = mixture.tasks["masked_image"]
    assert isinstance(task, MaskedImage), "a task is what its name says"
    generator = torch.Generator(next(mixture.parameters()).device).manual_seed(seed)
    prepared = task.prepare(mixture.seen_by("masked_image", batch), generator)
    return reconstruct(task, mixture.model, prepared) if task.count(prepared) else []


@contextmanager
def _evaluating(mixture: Mixture) -> Iterator[None]:
    was_training = mixture.training
    mixture.eval()
    try:
        yield
    finally:
        mixture.train(was_training)
