"""Where a model was wrong and sure of it, which is what a person should look at first.

Shapes: K samples, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Mistake:
    """What was said of a sample, and what is true.

    Attributes:
        row: the sample's number.
        said: in words.
        truth: the same.
        how: how sure the model was, or how far off.
    """

    row: int
    said: str
    truth: str
    how: str


def surest(
    rows: Int[Tensor, " K"],
    confidence: Float[Tensor, " K"],
    wrong: Bool[Tensor, " K"],
    most: int,
) -> list[int]:
    """The wrong ones of which the model was surest, by their place; the surest first.

    Of a sample that is wrong in several ways only the first is taken.
    """
    order = confidence.masked_fill(~wrong, -1).argsort(descending=True, stable=True).tolist()
    first = {rows[place].item(): place for place in reversed(order[: int(wrong.sum())])}
    return [place for place in order if first.get(rows[place].item()) == place][:most]


def mistakes_of_names(
    rows: Int[Tensor, " K"],
    said: Int[Tensor, " K"],
    truth: Int[Tensor, " K"],
    confidence: Float[Tensor, " K"],
    names: Sequence[str],
    most: int,
) -> list[Mistake]:
    """Of one name for each sample; a truth below 0 has no name that the model knows."""
    found = []
    for place in surest(rows, confidence, said != truth, most):
        right = int(truth[place])
        named = names[right] if right >= 0 else "an answer that it does not know"
        sure = _percent(confidence[place])
        found.append(Mistake(int(rows[place]), names[int(said[place])], named, sure))
    return found


def mistakes_of_several(
    rows: Int[Tensor, " K"],
    probabilities: Float[Tensor, "K C"],
    truth: Bool[Tensor, "K C"],
    names: Sequence[str],
    most: int,
) -> list[Mistake]:
    """Of any number of classes for each sample: of each the surest wrong one."""
    sure = torch.where(truth, 1 - probabilities, probabilities)
    worst = sure.max(dim=1)
    found = []
    for place in surest(rows, worst.values, worst.values > 0.5, most):
        which = int(worst.indices[place])
        name, there = names[which], bool(truth[place, which])
        said, right = (f"not {name}", name) if there else (name, f"not {name}")
        found.append(Mistake(int(rows[place]), said, right, _percent(worst.values[place])))
    return found


def mistakes_of_numbers(
    rows: Int[Tensor, " K"], said: Float[Tensor, " K"], truth: Float[Tensor, " K"], most: int
) -> list[Mistake]:
    """The furthest off first."""
    error = (said - truth).abs()
    order = error.argsort(descending=True, stable=True)[:most].tolist()
    return [
        Mistake(int(rows[n]), f"{said[n]:.4g}", f"{truth[n]:.4g}", f"off by {error[n]:.3g}")
        for n in order
    ]


def _percent(share: Tensor) -> str:
    return f"{100 * share.item():.1f}% sure"
