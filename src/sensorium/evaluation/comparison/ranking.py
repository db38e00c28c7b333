"""Variants in the order of a figure, with what noise allows to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensorium.evaluation.comparison.contenders import Contender
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.noise import Noise, interval, measure_noise

Place = Literal["best", "level", "behind"]


@dataclass(frozen=True)
class Standing:
    """Where a variant stands by one figure.

    Attributes:
        name: of the variant.
        mean: over the seeds.
        interval: of the mean, with 95 % confidence; None of one seed.
        by_seed: seed -> figure.
        behind: the best mean less this one, never negative.
        chance: probability that noise alone makes two of the variants differ by that much.
    """

    name: str
    mean: float
    interval: tuple[float, float] | None
    by_seed: dict[int, float]
    behind: float
    chance: float


@dataclass(frozen=True)
class Ranking:
    """All variants by one figure, the best first."""

    headline: Headline
    standings: list[Standing]
    noise: Noise

    @property
    def best(self) -> Standing:
        return self.standings[0]

    @property
    def seeds(self) -> list[int]:
        return list(self.best.by_seed)

    @property
    def level(self) -> list[Standing]:
        """Those beside the best whose distance from it may be noise."""
        return [s for s in self.standings[1:] if s.behind <= self.noise.least]

    @property
    def behind(self) -> list[Standing]:
        """Those that are further from the best than noise explains."""
        return [s for s in self.standings[1:] if s.behind > self.noise.least]


def rank(headline: Headline, contenders: Sequence[Contender], overlap: float) -> Ranking | None:
    """Rank variants under the seeds that all of them have finished; None where there are none.

    Args:
        headline: by which figure.
        contenders: those that failed are left out.
        overlap: rows held out over rows trained on, where every seed draws them anew; else 0.
    """
    figures = {
        one.name: {seed: headline.of(run.metrics) for seed, run in one.runs.items()}
        for one in contenders
        if one.counts
    }
    known = {
        name: {seed: figure for seed, figure in of_seeds.items() if figure is not None}
        for name, of_seeds in figures.items()
    }
    seeds = sorted(set.intersection(*map(set, known.values()))) if known else []
    if not seeds:
        return None
    table = np.array([[of_seeds[seed] for seed in seeds] for of_seeds in known.values()])
    noise = measure_noise(table, overlap)
    means = table.mean(axis=1)
    sign = -1 if headline.lower_is_better else 1
    best = (sign * means).max()
    order = np.argsort(-sign * means, kind="stable")
    standings = [
        Standing(
            name=list(known)[number],
            mean=float(means[number]),
            interval=interval(table[number], overlap),
            by_seed=dict(zip(seeds, table[number].tolist(), strict=True)),
            behind=float(best - sign * means[number]),
            chance=noise.chance(best - sign * means[number]),
        )
        for number in order.tolist()
    ]
    return Ranking(headline, standings, noise)


def place_of(ranking: Ranking, standing: Standing) -> Place:
    """How a variant stands to the best."""
    if standing is ranking.best:
        return "best"
    return "level" if standing in ranking.level else "behind"
