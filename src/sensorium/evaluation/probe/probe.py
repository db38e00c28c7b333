"""What a representation learned: how many labels it takes to read a set's classes off it.

Every figure stands beside the same one of encoders with fresh weights: what a random network
happens to keep of its input is no merit of the training.

Shapes: N samples to learn from, Q to be named, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from sensorium.evaluation.probe.features import Features
from sensorium.evaluation.probe.linear import linear_classes
from sensorium.evaluation.probe.neighbours import nearest_classes

CONFIDENCE = 0.95
LABELS_PER_CLASS = (1, 5, 10, 50)
DRAWS = 5  # of so few labels; the mean is given

Reader = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], Tensor]

READERS: dict[str, Reader] = {
    "linear": linear_classes,
    "knn": lambda known, labels, asked, classes, _: nearest_classes(known, labels, asked, classes),
}


@dataclass(frozen=True)
class Reading:
    """How well one reader names classes from one kind of vector.

    Attributes:
        accuracy: share named rightly; of several draws the mean.
        interval: with 95 % confidence: of all labels Wilson's, by the samples that were named; of
            few labels Student's, by the draws.
    """

    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """How the accuracy grows with the labels.

    Attributes:
        vector: `image`, `text`, ..., `fused`.
        reader: one of `READERS`.
        trained: whether the vectors are those of the run, or of fresh weights.
        by_labels: labels of each class -> what is read; 0 stands for all labels.
    """

    vector: str
    reader: str
    trained: bool
    by_labels: dict[int, Reading]

    def metrics(self) -> dict[str, float]:
        """As in `image/linear_accuracy`, `image/linear_accuracy_untrained_at_5`."""
        name = f"{self.vector}/{self.reader}_accuracy" + ("" if self.trained else "_untrained")
        return {
            f"{name}_at_{labels}" if labels else name: reading.accuracy
            for labels, reading in self.by_labels.items()
        }


@dataclass(frozen=True)
class Probed:
    """What probing found.

    Attributes:
        classes: how many there are.
        known: samples to learn from.
        asked: samples that were named.
        majority: accuracy of always naming the class that is most frequent in those to learn from.
        curves: of every vector, by every reader, trained and not.
    """

    classes: int
    known: int
    asked: int
    majority: float
    curves: list[Curve]

    def facts(self) -> dict[str, Any]:
        """Everything, for `summary.json`."""
        facts = asdict(self)
        for curve in facts["curves"]:
            curve["by_labels"] = {str(n): reading for n, reading in curve["by_labels"].items()}
        return facts

    def metrics(self) -> dict[str, float]:
        """Flat, as in `probe/image/linear_accuracy`."""
        figures = {"probe/accuracy_majority": self.majority}
        for curve in self.curves:
            figures |= {f"probe/{name}": figure for name, figure in curve.metrics().items()}
        return figures


def probe(
    known: Mapping[bool, Features],
    asked: Mapping[bool, Features],
    *,
    classes: int,
    labels_per_class: Sequence[int] = LABELS_PER_CLASS,
    seed: int = 0,
    on_reading: Callable[[int, int], None] | None = None,
) -> Probed:
    """Read classes off frozen vectors.

    Args:
        known: whether trained -> features of the samples to learn from.
        asked: the same of the samples to be named.
        classes: how many there are.
        labels_per_class: beside all labels, with so many of each class, where the smallest class
            has more.
        seed: of draws.
        on_reading: told how many curves of how many are done.
    """
    labels, answers = known[True].labels, asked[True].labels
    vectors = [name for name in known[True].vectors if name in asked[True].vectors]
    jobs = list(product(vectors, READERS, known))
    curves = []
    for vector, reader, trained in jobs:
        of = _Vectors(*known[trained].of(vector), *asked[trained].of(vector), classes)
        readings = of.readings(READERS[reader], labels_per_class, seed)
        curves.append(Curve(vector, reader, trained, readings))
        if on_reading is not None:
            on_reading(len(curves), len(jobs))
    most_frequent = labels.bincount(minlength=classes).argmax()
    return Probed(
        classes=classes,
        known=len(labels),
        asked=len(answers),
        majority=(answers == most_frequent).double().mean().item(),
        curves=curves,
    )


@dataclass(frozen=True)
class _Vectors:
    """Vectors and labels to learn from, and others to be named."""

    known: Float[Tensor, "N D"]
    labels: Int[Tensor, " N"]
    asked: Float[Tensor, "Q D"]
    answers: Int[Tensor, " Q"]
    classes: int

    def readings(self, reader: Reader, counts: Sequence[int], seed: int) -> dict[int, Reading]:
        """By labels of each class; 0 stands for all."""
        every = torch.arange(len(self.labels))
        right = self.right(reader, every, torch.Generator().manual_seed(seed))
        total = len(self.answers)
        found = {0: Reading(right / total, _wilson(right, total))}
        smallest = int(self.labels.bincount(minlength=self.classes).min())
        for count in sorted(count for count in counts if count < smallest):
            accuracies = []
            for draw in range(DRAWS):
                generator = torch.Generator().manual_seed(seed * 1_000_003 + draw)
                rows = draw_of_each(self.labels, count, generator)
                accuracies.append(self.right(reader, rows, generator) / total)
            found[count] = Reading(float(np.mean(accuracies)), _students(accuracies))
        return found

    def right(self, reader: Reader, rows: Int[Tensor, " K"], generator: torch.Generator) -> int:
        """How many are named rightly by what was learned from some rows."""
        known, labels = self.known[rows], self.labels[rows]
        named = reader(known, labels, self.asked, self.classes, generator)
        return int((named == self.answers).sum())


def draw_of_each(
    labels: Int[Tensor, " N"], count: int, generator: torch.Generator
) -> Int[Tensor, " K"]:
    """So many rows of every class, drawn without putting back."""
    order = torch.randperm(len(labels), generator=generator)
    return torch.cat([order[labels[order] == label][:count] for label in labels.unique()])


def _wilson(right: int, count: int) -> tuple[float, float]:
    found = stats.binomtest(right, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def _students(accuracies: Sequence[float]) -> tuple[float, float]:
    scale = stats.sem(accuracies)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(accuracies) - 1) * scale)
    mean = float(np.mean(accuracies))
    return mean - half, mean + half
