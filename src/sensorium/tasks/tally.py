"""A figure as a function of sums over samples, which can be taken anew of any draw of them.

    figure = formula(sum over samples of terms)

Of an accuracy the terms of a sample are how many of its items are right and how many it has; of a
root mean square error, the sum of squares and the number. Whoever wants to know how far a figure
depends on which samples happened to be judged sums other samples, and asks the formula again.

Shapes: I items, S samples, K terms, R any axes in front, as of draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Formula = Callable[[Tensor], Tensor]
"""Sums [R, K] -> figures [R]."""

ROWS = "rows"
"""The name, in predictions, of the number of the sample that each item is of: within its batch
where a task predicts, within the whole set once batches are joined."""


def names_rows(what: str) -> bool:
    """Whether a name in predictions is `ROWS`, or as in `rows of ...` the same of other items."""
    return what.partition(" ")[0] == ROWS


@dataclass(frozen=True)
class Tally:
    """The terms of one figure.

    Attributes:
        rows: number of each sample, ascending, each once.
        terms: of each sample.
        formula: from their sums to the figure.
    """

    rows: Int[Tensor, " S"]
    terms: Float[Tensor, "S K"]
    formula: Formula

    @property
    def figure(self) -> float:
        """Of the samples as they are."""
        return self.formula(self.terms.sum(dim=0)).item()

    @property
    def is_share(self) -> bool:
        """Whether it is the share of the samples that are right, each right or wrong as a whole."""
        right, count = self.terms[:, 0], self.terms[:, -1]
        return self.formula is ratio and bool((((right == 0) | (right == 1)) & (count == 1)).all())


def ratio(sums: Tensor) -> Tensor:
    """The first sum over the second: a mean."""
    return sums[..., 0] / sums[..., 1]


def tally(rows: Int[Tensor, " I"], *terms: Tensor, formula: Formula = ratio) -> Tally:
    """Gather the terms of items by the sample that they are of.

    Args:
        rows: of each item.
        terms: each [I], or [I, k] for several at once.
        formula: of their sums.
    """
    columns = [t.double() if t.dim() > 1 else t.double()[:, None] for t in terms]
    each, place = rows.unique(return_inverse=True)
    of_items = torch.cat(columns, dim=1)
    of_samples = of_items.new_zeros(len(each), of_items.shape[1]).index_add(0, place, of_items)
    return Tally(each, of_samples, formula)


def mean_of(rows: Int[Tensor, " I"], values: Tensor) -> Tally:
    """The mean over items, as of `right` an accuracy.

    Args:
        rows: the sample that each item is of.
        values: [I], numbers or truths.
    """
    return tally(rows, values, torch.ones_like(values, dtype=torch.double))


def rows_of(predictions: Mapping[str, Tensor], items: int) -> Int[Tensor, " I"]:
    """The sample of each item; its own for each where the predictions do not say."""
    return predictions.get(ROWS, torch.arange(items))


def figures_of(tallies: Mapping[str, Tally]) -> dict[str, float]:
    """Name -> figure."""
    return {name: one.figure for name, one in tallies.items()}
