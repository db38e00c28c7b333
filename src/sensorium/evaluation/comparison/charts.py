"""A ranking -> the charts of its page, for the template to draw.

Places in charts are shares of the plot, 0 to 100, from the left and from the top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from matplotlib.ticker import MaxNLocator

from sensorium.evaluation.comparison.contenders import Contender
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.ranking import Ranking, Standing, place_of
from sensorium.evaluation.comparison.verdict import told, told_difference

LEAST_GAP = 6.5  # between the names of two points of a scatter
NAME_WIDTH = 24  # of such a name, with its distance from the point


@dataclass(frozen=True)
class Bar:
    """One variant on the chart of the deciding figure.

    Attributes:
        name: of the variant.
        href: its report, beside this page.
        seeds: place of each seed's figure.
        mean: place of the mean.
        bar: from where to where it cannot be told from others; None of one seed.
        figure: the mean, in words.
        note: how far it is behind, in words.
        place: `best`, `level` or `behind`.
    """

    name: str
    href: str
    seeds: list[float]
    mean: float
    bar: tuple[float, float] | None
    figure: str
    note: str
    place: str


@dataclass(frozen=True)
class Point:
    """A variant on a scatter, its name at `label` from the top, on the left or right of it."""

    name: str
    x: float
    y: float
    bar: tuple[float, float] | None
    label: float
    left: bool
    place: str


@dataclass(frozen=True)
class Scatter:
    """What a variant costs against what it is worth."""

    title: str
    points: list[Point]
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]


def bars(
    ranking: Ranking, contenders: Mapping[str, Contender]
) -> tuple[list[Bar], list[tuple[float, str]]]:
    """The chart of the deciding figure; two bars that do not overlap differ by more than noise."""
    half = ranking.noise.least / 2
    has_bars = math.isfinite(half)
    ends = [
        end for s in ranking.standings for end in (*s.by_seed.values(), *(_ends(s, half) or ()))
    ]
    low, high, ticks = axis(ends, ranking.headline)

    def place(figure: float) -> float:
        return 100 * (figure - low) / (high - low)

    def bar(standing: Standing) -> Bar:
        where = place_of(ranking, standing)
        notes = {
            "best": "",
            "level": "within noise",
            "behind": f"{told_difference(ranking.headline, standing.behind)} behind",
        }
        one = contenders[standing.name]
        ends = _ends(standing, half)
        return Bar(
            name=standing.name,
            href=f"{one.folder}/seed={min(one.runs)}/report.html",
            seeds=[place(figure) for figure in standing.by_seed.values()],
            mean=place(standing.mean),
            bar=(place(ends[0]), place(ends[1])) if ends else None,
            figure=told(ranking.headline, standing.mean),
            note=notes[where] if has_bars else "",
            place=where,
        )

    return [bar(standing) for standing in ranking.standings], [(place(t), n) for t, n in ticks]


def _ends(standing: Standing, half: float) -> tuple[float, float] | None:
    return (standing.mean - half, standing.mean + half) if math.isfinite(half) else None


def axis(values: Sequence[float], headline: Headline) -> tuple[float, float, list]:
    """The ends of an axis that shows all the values, and its ticks: (value, label)."""
    locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    ticks = [float(tick) for tick in locator.tick_values(min(values), max(values))]
    scale = 100 if headline.is_share else 1
    return ticks[0], ticks[-1], [(tick, f"{scale * tick:,.6g}") for tick in ticks]


def scatters(ranking: Ranking, ranked: Sequence[Contender]) -> Iterator[Scatter]:
    """What variants cost against what they are worth; nothing where all cost the same."""
    costs = {
        "Milliseconds a step": [1000 * one.seconds_per_step for one in ranked],
        "Million parameters": [one.parameters / 1e6 for one in ranked],
    }
    for title, of_variants in costs.items():
        if len(set(of_variants)) > 1:
            yield _scatter(title, ranking, of_variants)


def _scatter(title: str, ranking: Ranking, costs: Sequence[float]) -> Scatter:
    half = ranking.noise.least / 2
    ends = [end for s in ranking.standings for end in (s.mean, *(_ends(s, half) or ()))]
    low, high, up = axis(ends, ranking.headline)
    room = 0.06 * (max(costs) - min(costs))
    across = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(min(costs) - room, max(costs) + room)
    first, last = max(0.0, across[0]), across[-1]

    def down(figure: float) -> float:
        return 100 * (high - figure) / (high - low)

    xs = [100 * (cost - first) / (last - first) for cost in costs]
    labels = _labels(xs, [down(standing.mean) for standing in ranking.standings])
    points = []
    for standing, x, label in zip(ranking.standings, xs, labels, strict=True):
        ends_of_bar = _ends(standing, half)
        points.append(
            Point(
                name=standing.name,
                x=x,
                y=down(standing.mean),
                bar=(down(ends_of_bar[0]), down(ends_of_bar[1])) if ends_of_bar else None,
                label=label,
                left=_is_left(x),
                place=place_of(ranking, standing),
            )
        )
    return Scatter(
        title=title,
        points=points,
        across=[(100 * (t - first) / (last - first), f"{t:,.6g}") for t in across if t >= first],
        up=[(down(tick), label) for tick, label in up],
    )


def _is_left(x: float) -> bool:
    """Whether a point's name stands to its left, as on the right there is no room."""
    return x > 60


def _labels(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    """Where names stand, from the top: those that would cover each other are moved apart."""
    begins = [x - NAME_WIDTH if _is_left(x) else x for x in xs]
    labels = list(ys)
    group: list[int] = []
    for number in sorted(range(len(xs)), key=begins.__getitem__):
        if group and begins[number] > max(begins[other] for other in group) + NAME_WIDTH:
            group = []
        group.append(number)
        for other, label in zip(group, spread([ys[n] for n in group], LEAST_GAP), strict=True):
            labels[other] = label
    return labels


def spread(places: Sequence[float], gap: float) -> list[float]:
    """The same places, moved as little as it takes for any two to be `gap` apart."""
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    # With the gaps taken out it is the nearest sequence that never falls: neighbours are pooled.
    pools: list[list[float]] = []
    for value in np.asarray(places)[order] - steps:
        pools.append([value])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    moved = np.array([fmean(pool) for pool in pools for _ in pool]) + steps
    spread = np.empty(len(places))
    spread[order] = moved
    return spread.tolist()
