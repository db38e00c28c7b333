"""A linear probe: logistic regression on frozen vectors, with a penalty chosen on held-out rows.

    minimum over W, b of  mean over i of -log softmax(W z_i + b)[y_i]  +  penalty / 2 |W|²

z are the vectors with every dimension at mean 0 and deviation 1 over the rows to learn from, so
that one penalty fits all. It is fitted by L-BFGS, from the largest penalty down, each beginning
where the last ended; the best on the held-out rows is then fitted on all of them.

Shapes: N rows to learn from, Q to be named, D width, C classes.

Source: Radford et al. 2021, "CLIP", 3.2 and A.3; Alain and Bengio 2016, "Understanding intermediate
layers using linear classifier probes".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

PENALTIES = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
PENALTY_UNCHOSEN = 1e-2  # where every class has a single row, and none can be held out
HELD_OUT = 0.2
MOST_STEPS = 100
SMALLEST_DEVIATION = 1e-6  # of a dimension that says nothing


def linear_classes(
    known: Float[Tensor, "N D"],
    labels: Int[Tensor, " N"],
    asked: Float[Tensor, "Q D"],
    classes: int,
    generator: torch.Generator,
) -> Int[Tensor, " Q"]:
    """The classes that a linear probe names.

    Args:
        known: vectors to learn from.
        labels: of these.
        asked: vectors to be named.
        classes: how many there are.
        generator: draws the rows that are held out to choose the penalty.
    """
    mean, deviation = known.double().mean(dim=0), known.double().std(dim=0, correction=0)
    deviation = deviation.clamp(min=SMALLEST_DEVIATION)
    known, asked = ((x.double() - mean) / deviation for x in (known, asked))
    weights = _fit(known, labels, classes, choose_penalty(known, labels, classes, generator))
    return _logits(weights, asked).argmax(dim=1)


def choose_penalty(
    known: Float[Tensor, "N D"],
    labels: Int[Tensor, " N"],
    classes: int,
    generator: torch.Generator,
) -> float:
    """The penalty that names held-out rows best, by their likelihood."""
    held_out = draw_held_out(labels, generator)
    if not held_out.any():
        return PENALTY_UNCHOSEN
    weights = torch.zeros(classes, known.shape[1] + 1, dtype=known.dtype)
    losses = {}
    for penalty in PENALTIES:
        weights = _fit(known[~held_out], labels[~held_out], classes, penalty, start=weights)
        losses[penalty] = F.cross_entropy(_logits(weights, known[held_out]), labels[held_out])
    return min(losses, key=lambda penalty: losses[penalty].item())


def draw_held_out(labels: Int[Tensor, " N"], generator: torch.Generator) -> Bool[Tensor, " N"]:
    """A fifth of every class, at least one row, and never the last of its class."""
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    order = torch.randperm(len(labels), generator=generator)
    for label in labels.unique():
        rows = order[labels[order] == label]
        held_out[rows[: min(len(rows) - 1, max(1, round(HELD_OUT * len(rows))))]] = True
    return held_out


def _logits(weights: Float[Tensor, "C E"], vectors: Float[Tensor, "Q D"]) -> Float[Tensor, "Q C"]:
    """The last column of the weights is the bias."""
    return F.linear(vectors, weights[:, :-1], weights[:, -1])


@torch.enable_grad()
def _fit(
    known: Float[Tensor, "N D"],
    labels: Int[Tensor, " N"],
    classes: int,
    penalty: float,
    start: Float[Tensor, "C E"] | None = None,
) -> Float[Tensor, "C E"]:
    if start is None:
        start = torch.zeros(classes, known.shape[1] + 1, dtype=known.dtype)
    weights = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=MOST_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(_logits(weights, known), labels)
        loss = loss + penalty / 2 * weights[:, :-1].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()
