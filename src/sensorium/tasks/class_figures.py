"""Figures of classification: accuracy and F1, beside what a guess of the commonest class gives.

Shapes: K samples, C classes.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

TOP = 5
"""Among so many guesses the right class is looked for too, where there are more classes."""


def one_class_figures(
    logits: Float[Tensor, "K C"], truth: Int[Tensor, " K"], rows: Int[Tensor, " C"]
) -> dict[str, float]:
    """Of one class for each sample.

    Args:
        logits: of every class.
        truth: the right class.
        rows: how many rows to train on have each class; the guess of `accuracy_majority` is the
            commonest of them.
    """
    classes = torch.arange(logits.shape[1])
    guess = logits.argmax(dim=1)
    figures = {"accuracy": mean(guess == truth)}
    if len(classes) > TOP:
        best = logits.topk(TOP, dim=1).indices
        figures[f"top_{TOP}_accuracy"] = mean((best == truth[:, None]).any(dim=1))
    figures["f1_macro"] = macro_f1(guess[:, None] == classes, truth[:, None] == classes)
    return figures | {"accuracy_majority": mean(truth == rows.argmax())}


def several_classes_figures(
    logits: Float[Tensor, "K C"], truth: Bool[Tensor, "K C"], rows: Int[Tensor, " C"], total: int
) -> dict[str, float]:
    """Of any number of classes for each sample; each is said to be there above even odds.

    Args:
        logits: of every class.
        truth: which are there.
        rows: how many rows to train on have each class; `accuracy_majority` says of each class
            what most of them say.
        total: rows to train on.
    """
    said = logits > 0
    there = truth.any(dim=0).nonzero()[:, 0].tolist()
    precisions = [average_precision(logits[:, c], truth[:, c]) for c in there]
    return {
        "accuracy": mean(said == truth),
        "exact_accuracy": mean((said == truth).all(dim=1)),
        "f1_macro": macro_f1(said, truth),
        "average_precision": sum(precisions) / max(len(precisions), 1),
        "accuracy_majority": mean((2 * rows > total) == truth),
    }


def macro_f1(said: Bool[Tensor, "K C"], truth: Bool[Tensor, "K C"]) -> float:
    """Mean over the classes of 2 precision recall / (precision + recall), each counting alike.

    Classes that no sample has, and that nobody said, are left out.
    """
    right = (said & truth).sum(dim=0).double()
    either = said.sum(dim=0) + truth.sum(dim=0)
    judged = either > 0
    return (2 * right[judged] / either[judged]).mean().item()


def average_precision(scores: Float[Tensor, " K"], truth: Bool[Tensor, " K"]) -> float:
    """Mean, over the samples that have the class, of the precision down to each of them.

    Samples of the same score are taken together, so that their order says nothing.
    """
    order = scores.argsort(descending=True)
    ranked, right = scores[order], truth[order].double().cumsum(0)
    last = torch.cat([ranked[1:] != ranked[:-1], torch.ones(1, dtype=torch.bool)])
    precision = (right / torch.arange(1, len(ranked) + 1))[last]
    gained = torch.diff(right[last], prepend=torch.zeros(1, dtype=torch.double))
    return ((precision * gained).sum() / right[-1]).item()


def mean(right: Bool[Tensor, ...]) -> float:
    """Share that is true."""
    return right.double().mean().item()
