"""Two models judged on the same samples: which is better, and is that more than chance?

    difference = figure of B - figure of A, with its bootstrap interval over samples, drawn for both

Whether there is any difference is tested sample by sample. Of a share of samples that are right
(accuracy, recall of queries) those count that only one of the two has right, n_A and n_B, which are
halves of one lot if the models are alike (McNemar's exact test):

    p = 2 P(X <= min(n_A, n_B)),  X ~ Binomial(n_A + n_B, 1/2)

Of any other figure the two models are swapped, for each sample by lot, and p is how often a
difference as large comes out (a permutation test). Since many figures are looked at, each p is
raised as Holm says, so that the chance that any of them is called different without being so is at
most 5 %.

Shapes: S samples, K terms, R draws.

Source: McNemar 1947; Dietterich 1998, "Approximate Statistical Tests for Comparing Supervised
Classification Learning Algorithms"; Noreen 1989 (swapping); Holm 1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.verdict import listed
from sensorium.evaluation.intervals import (
    CONFIDENCE,
    COUNTS_AT_A_TIME,
    DRAWS,
    Interval,
    bca_interval,
    drawn_figures,
    in_blocks,
)
from sensorium.tasks.tally import Formula, Tally, ratio

ROUNDING = 1e-9  # two differences so near to each other are the same


@dataclass(frozen=True)
class Difference:
    """One figure of both models.

    Attributes:
        name: as in `classification/accuracy`.
        a: of the first model.
        b: of the second.
        interval: of b - a.
        samples: that it is of.
        only_a: samples that only the first has right; None of a figure that is no share.
        only_b: the same of the second.
        p: probability of a difference as large between models that are alike.
        adjusted: the same, as Holm raises it for all figures together.
    """

    name: str
    a: float
    b: float
    interval: Interval | None
    samples: int
    only_a: int | None
    only_b: int | None
    p: float
    adjusted: float = 1.0

    @property
    def difference(self) -> float:
        return self.b - self.a

    @property
    def test(self) -> str:
        """The name of the test."""
        return "permutation" if self.only_a is None else "McNemar"

    @property
    def better(self) -> str | None:
        """`a` or `b`; None where that may be chance."""
        if self.adjusted >= 1 - CONFIDENCE:
            return None
        return "b" if (self.difference > 0) != Headline(self.name).lower_is_better else "a"


@dataclass(frozen=True)
class Judged:
    """What one model gave: tallies by name, and the ids of the samples that they count by."""

    tallies: Mapping[str, Tally]
    ids: Sequence[str]


@dataclass(frozen=True)
class Paired:
    """Two runs compared.

    Attributes:
        a: the first run.
        b: the second.
        data: what they were judged on.
        samples: how many.
        differences: of every figure that both have.
        left_out: name of a figure -> why it cannot be compared.
    """

    a: str
    b: str
    data: str
    samples: int
    differences: list[Difference]
    left_out: dict[str, str]

    def better(self, one: Difference) -> str:
        """Which run is better by a figure, in words."""
        return {"a": self.a, "b": self.b, None: "within noise"}[one.better]

    @property
    def verdict(self) -> list[str]:
        """Plain sentences."""
        won = {side: [d for d in self.differences if d.better == side] for side in ("a", "b")}
        sentences = [
            f"{run} is better by {listed([in_words(one.name) for one in won[side]])}."
            for side, run in (("a", self.a), ("b", self.b))
            if won[side]
        ]
        level = len(self.differences) - sum(map(len, won.values()))
        if not level:
            return sentences
        rest = "No other" if sentences else "No"
        return [*sentences, f"{rest} difference is more than noise, on {self.samples} samples."]

    def facts(self) -> dict[str, Any]:
        """Everything, for programs."""
        figures = {
            one.name: {
                **{key: value for key, value in asdict(one).items() if key != "name"},
                "difference": one.difference,
                "test": one.test,
                "better": None if one.better is None else self.better(one),
            }
            for one in self.differences
        }
        return {
            "a": self.a,
            "b": self.b,
            "data": self.data,
            "samples": self.samples,
            "figures": figures,
            "left_out": self.left_out,
            "verdict": self.verdict,
        }


def in_words(name: str) -> str:
    """A figure's name for people: `recall at 1, image → text`."""
    return str(Headline(name))


def differences(
    a: Judged, b: Judged, names: Sequence[str], seed: int = 0
) -> tuple[list[Difference], dict[str, str]]:
    """Every figure that both have of the same samples.

    Args:
        a: the first model's.
        b: the second's.
        names: of the figures that are looked at.
        seed: of the draws.

    Returns:
        The differences, and name -> why, of figures that cannot be compared.
    """
    found, left_out = [], {}
    for name in names:
        pair = _aligned(a, b, name)
        if isinstance(pair, str):
            left_out[name] = pair
        else:
            found.append(_difference(name, *pair, seed))
    return _holm(found), left_out


def _aligned(a: Judged, b: Judged, name: str) -> tuple[Tally, Tally] | str:
    """The same samples in the same order; or why there are none."""
    of_a, of_b = a.tallies[name], b.tallies[name]
    rows = {a.ids[row]: place for place, row in enumerate(of_a.rows.tolist())}
    places = [rows.get(b.ids[row], -1) for row in of_b.rows.tolist()]
    if -1 in places or len(places) != len(rows):
        shared = sum(place >= 0 for place in places)
        return f"it is of {len(rows)} samples and of {len(places)}, which share {shared}"
    if of_a.terms.shape[1] != of_b.terms.shape[1]:
        return "it is made of different parts, as of other classes"
    ordered = Tally(of_b.rows, of_a.terms[torch.tensor(places)], of_a.formula)
    if of_a.formula is ratio and not torch.equal(ordered.terms[:, 1], of_b.terms[:, 1]):
        return "the two were asked different questions of the same samples, as of other words"
    return ordered, of_b


def _difference(name: str, a: Tally, b: Tally, seed: int) -> Difference:
    both = Tally(a.rows, torch.cat([a.terms, b.terms], dim=1), _less(a.formula, b.formula))
    (drawn,) = drawn_figures([both], seed)
    found = Difference(
        name, a.figure, b.figure, bca_interval(both, drawn), len(a.rows), None, None, p=1.0
    )
    if a.is_share and b.is_share:
        right_a, right_b = a.terms[:, 0] == 1, b.terms[:, 0] == 1
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        return replace(found, only_a=only_a, only_b=only_b, p=mcnemar(only_a, only_b))
    return replace(found, p=swapped(a, b, seed))


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact p of so many samples that only one of two models has right, and only the other."""
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def swapped(a: Tally, b: Tally, seed: int = 0, draws: int = DRAWS) -> float:
    """How often a difference as large comes out where, of each sample, lots decide which model gave
    what. One draw is the models as they are, so that p is never 0."""
    apart = in_blocks(b.terms - a.terms, seed)
    sum_a, sum_b = a.terms.sum(dim=0), b.terms.sum(dim=0)
    least = abs(b.figure - a.figure) - ROUNDING
    random, as_large = np.random.default_rng(seed), 1
    step = max(1, COUNTS_AT_A_TIME // len(apart))
    for start in range(0, draws, step):
        lots = random.integers(0, 2, (min(step, draws - start), len(apart)), dtype=np.int8)
        moved: Float[Tensor, "r K"] = torch.from_numpy(lots).double() @ apart
        difference = b.formula(sum_b - moved) - a.formula(sum_a + moved)
        as_large += int((difference.abs() >= least).sum())
    return as_large / (draws + 1)


def _less(a: Formula, b: Formula) -> Formula:
    """From the sums of both models' terms, side by side, to the difference of their figures."""

    def difference(sums: Tensor) -> Tensor:
        of_a, of_b = sums.chunk(2, dim=-1)
        return b(of_b) - a(of_a)

    return difference


def _holm(found: Sequence[Difference]) -> list[Difference]:
    """Each p times the number of those that are not smaller, and never below a smaller one's."""
    adjusted, least = dict[str, float](), 0.0
    for rank, one in enumerate(sorted(found, key=lambda d: d.p)):
        least = max(least, min(1.0, one.p * (len(found) - rank)))
        adjusted[one.name] = least
    return [replace(one, adjusted=adjusted[one.name]) for one in found]
