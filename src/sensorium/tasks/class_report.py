"""How well each class is told: how often it is named rightly, and what it is taken for.

    precision_c = named c rightly / named c        recall_c = named c rightly / of class c
    F1_c = 2 precision_c recall_c / (precision_c + recall_c)

Shapes: K samples, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.tasks.class_figures import average_precision

MOST_CONFUSED = 2000
"""Classes, of which every two are counted; more would take more memory than they tell."""


@dataclass(frozen=True)
class ClassReport:
    """Figures of every class.

    Attributes:
        names: of the classes.
        precision: share of those named so that are; NaN where none is named so.
        recall: share of those that are so named so; NaN where there are none.
        f1: of both; NaN where there are none and none is named so.
        support: how many samples are of each.
        average_precision: where a sample may have several classes: the area under precision and
            recall of each; NaN where no sample has it.
        confusion: where each has one, of not too many: samples of class (row) that are taken for
            class (column).
    """

    names: Sequence[str]
    precision: Float[Tensor, " C"]
    recall: Float[Tensor, " C"]
    f1: Float[Tensor, " C"]
    support: Int[Tensor, " C"]
    average_precision: Float[Tensor, " C"] | None = None
    confusion: Int[Tensor, "C C"] | None = None

    @property
    def figures(self) -> dict[str, Float[Tensor, " C"]]:
        """Name -> share of each class."""
        found = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        if self.average_precision is not None:
            found["average_precision"] = self.average_precision
        return found


def report_of_one(
    names: Sequence[str], said: Int[Tensor, " K"], truth: Int[Tensor, " K"]
) -> ClassReport:
    """Of one class for each sample."""
    classes = len(names)
    right, named, support = (
        of.bincount(minlength=classes) for of in (truth[said == truth], said, truth)
    )
    pairs = truth * classes + said
    confusion = (
        pairs.bincount(minlength=classes**2).view(classes, classes)
        if classes <= MOST_CONFUSED
        else None
    )
    return ClassReport(names, *_shares(right, named, support), support, confusion=confusion)


def report_of_several(
    names: Sequence[str],
    logits: Float[Tensor, "K C"],
    said: Bool[Tensor, "K C"],
    truth: Bool[Tensor, "K C"],
) -> ClassReport:
    """Of any number of classes for each sample."""
    support = truth.sum(dim=0)
    areas = [
        average_precision(logits[:, c], truth[:, c]) if support[c] else torch.nan
        for c in range(len(names))
    ]
    shares = _shares((said & truth).sum(dim=0), said.sum(dim=0), support)
    return ClassReport(names, *shares, support, torch.tensor(areas, dtype=torch.double))


def _shares(
    right: Int[Tensor, " C"], named: Int[Tensor, " C"], support: Int[Tensor, " C"]
) -> tuple[Tensor, Tensor, Tensor]:
    """Precision, recall and F1, NaN where nothing is divided by nothing."""
    right = right.double()
    return right / named, right / support, 2 * right / (named + support)
