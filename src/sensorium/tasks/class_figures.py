"""Figures of classification: accuracy and F1, beside what a guess of the commonest class gives.

Shapes: K samples, C classes.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.tasks.tally import Tally, mean_of, tally

MOST_TALLIED = 10_000_000
"""Samples times classes, of which the F1 of each sample is kept to be summed anew."""

TOP = 5
"""Among so many guesses the right class is looked for too, where there are more classes."""


def one_class_tallies(
    samples: Int[Tensor, " K"],
    logits: Float[Tensor, "K C"],
    truth: Int[Tensor, " K"],
    rows: Int[Tensor, " C"],
) -> dict[str, Tally]:
    """Of one class for each sample.

    Args:
        samples: number of each.
        logits: of every class.
        truth: the right class.
        rows: how many rows to train on have each class; the guess of `accuracy_majority` is the
            commonest of them.
    """
    classes = torch.arange(logits.shape[1])
    guess = logits.argmax(dim=1)
    tallies = {"accuracy": mean_of(samples, guess == truth)}
    if len(classes) > TOP:
        best = logits.topk(TOP, dim=1).indices
        among = (best == truth[:, None]).any(dim=1)
        tallies[f"top_{TOP}_accuracy"] = mean_of(samples, among)
    if logits.numel() <= MOST_TALLIED:
        said, there = (of[:, None] == classes for of in (guess, truth))
        tallies["f1_macro"] = macro_f1(samples, said, there)
    return tallies | {"accuracy_majority": mean_of(samples, truth == rows.argmax())}


def one_class_f1(logits: Float[Tensor, "K C"], truth: Int[Tensor, " K"]) -> float:
    """The figure of `macro_f1`, of one class for each sample, however many there are."""
    guess = logits.argmax(dim=1)
    right, said, there = (
        of.bincount(minlength=logits.shape[1]).double()
        for of in (truth[guess == truth], guess, truth)
    )
    return _mean_f1(torch.cat([right, said + there])).item()


def several_classes_tallies(
    samples: Int[Tensor, " K"],
    said: Bool[Tensor, "K C"],
    truth: Bool[Tensor, "K C"],
    rows: Int[Tensor, " C"],
    total: int,
) -> dict[str, Tally]:
    """Of any number of classes for each sample.

    Args:
        samples: number of each.
        said: which are said to be there.
        truth: which are there.
        rows: how many rows to train on have each class; `accuracy_majority` says of each class
            what most of them say.
        total: rows to train on.
    """
    right, usual = said == truth, (2 * rows > total) == truth
    return {
        "accuracy": mean_of(samples, right.double().mean(dim=1)),
        "exact_accuracy": mean_of(samples, right.all(dim=1)),
        "f1_macro": macro_f1(samples, said, truth),
        "accuracy_majority": mean_of(samples, usual.double().mean(dim=1)),
    }


def macro_f1(
    samples: Int[Tensor, " K"], said: Bool[Tensor, "K C"], truth: Bool[Tensor, "K C"]
) -> Tally:
    """Mean over the classes of 2 precision recall / (precision + recall), each counting alike.

    Classes that no sample has, and that nobody said, are left out.
    """
    return tally(samples, said & truth, said.double() + truth, formula=_mean_f1)


def _mean_f1(sums: Float[Tensor, "*R two_C"]) -> Float[Tensor, "*R"]:
    """From how often each class is said rightly, and how often it is said and comes together."""
    right, either = sums.chunk(2, dim=-1)
    judged = either > 0
    f1 = torch.where(judged, 2 * right / either.clamp(min=1), 0.0)
    return f1.sum(dim=-1) / judged.sum(dim=-1)


def mean_average_precision(logits: Float[Tensor, "K C"], truth: Bool[Tensor, "K C"]) -> float:
    """Over the classes that some sample has."""
    there = truth.any(dim=0).nonzero()[:, 0].tolist()
    precisions = [average_precision(logits[:, c], truth[:, c]) for c in there]
    return sum(precisions) / max(len(precisions), 1)


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
