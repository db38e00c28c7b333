"""A ranking -> the charts of its page, for the template to draw.

Places in charts are shares of the plot, 0 to 100, from the left and from the top.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from matplotlib.ticker import MaxNLocator

from sensorium.evaluation.comparison.contenders import Contender
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.ranking import Ranking, Standing, place_of
from sensorium.evaluation.comparison.verdict import told, told_difference
from sensorium.evaluation.figures import spoken

Rows = Sequence[Mapping[str, float]]

LEAST_GAP = 7.5  # between the names of two points of a scatter, in shares of its height
MOST_POINTS = 60  # of one small curve


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


@dataclass(frozen=True)
class Curves:
    """One figure over the steps, small, once for each variant.

    Attributes:
        title: the figure.
        all: the means over the seeds of every variant, to be seen faintly behind each.
        variants: (name, a line for each seed, the last mean).
        top: what the upper edge stands for, in words.
        last_step: what the right edge stands for.
    """

    title: str
    all: list[str]
    variants: list[tuple[str, list[str], str]]
    top: str
    last_step: str


def bars(
    ranking: Ranking, contenders: Mapping[str, Contender]
) -> tuple[list[Bar], list[tuple[float, str]]]:
    """The chart of the deciding figure; two bars that do not overlap differ by more than noise."""
    half = ranking.noise.least / 2
    has_bars = math.isfinite(half)
    ends = [
        end for s in ranking.standings for end in (*s.by_seed.values(), *(_ends(s, half) or ()))
    ]
    low, high, ticks = _axis(ends, ranking.headline)

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


def _axis(values: Sequence[float], headline: Headline) -> tuple[float, float, list]:
    """The ends of an axis that shows all the values, and its ticks: (value, label)."""
    locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    ticks = [float(tick) for tick in locator.tick_values(min(values), max(values))]
    scale = 100 if headline.is_share else 1
    return ticks[0], ticks[-1], [(tick, f"{scale * tick:,.6g}") for tick in ticks]


def scatters(ranking: Ranking, ranked: Sequence[Contender]) -> Iterator[Scatter]:
    costs = {
        "Milliseconds a step": [1000 * one.seconds_per_step for one in ranked],
        "Million parameters": [one.parameters / 1e6 for one in ranked],
        "Peak memory, MB": [(one.peak_memory_bytes or math.nan) / 1e6 for one in ranked],
    }
    for title, of_variants in costs.items():
        if all(map(math.isfinite, of_variants)) and len(set(of_variants)) > 1:
            yield _scatter(title, ranking, of_variants)


def _scatter(title: str, ranking: Ranking, costs: Sequence[float]) -> Scatter:
    half = ranking.noise.least / 2
    means = [standing.mean for standing in ranking.standings]
    ends = [end for s in ranking.standings for end in (s.mean, *(_ends(s, half) or ()))]
    low, high, up = _axis(ends, ranking.headline)
    room = 0.06 * (max(costs) - min(costs))
    across = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(min(costs) - room, max(costs) + room)
    first, last = max(0.0, across[0]), across[-1]
    xs = [100 * (cost - first) / (last - first) for cost in costs]
    ys = [100 * (high - mean) / (high - low) for mean in means]
    labels = _spread(ys, LEAST_GAP)
    points = [
        Point(
            name=standing.name,
            x=x,
            y=y,
            bar=None
            if not math.isfinite(half)
            else (
                100 * (high - mean - half) / (high - low),
                100 * (high - mean + half) / (high - low),
            ),
            label=label,
            left=x > 60,
            place=place_of(ranking, standing),
        )
        for standing, x, y, mean, label in zip(
            ranking.standings, xs, ys, means, labels, strict=True
        )
    ]
    return Scatter(
        title=title,
        points=points,
        across=[(100 * (t - first) / (last - first), f"{t:,.6g}") for t in across if t >= first],
        up=[(100 * (high - tick) / (high - low), label) for tick, label in up],
    )


def _spread(places: Sequence[float], gap: float) -> list[float]:
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


def small_curves(
    names: Sequence[str], curves: Mapping[str, Sequence[Rows]], headline: Headline
) -> list[Curves]:
    """The loss of every task, that of the deciding figure first."""
    figures = dict.fromkeys(
        figure
        for of_variant in curves.values()
        for rows in of_variant
        for row in rows
        for figure in row
        if figure.startswith("train/") and figure.endswith("/loss")
    )
    own = f"train/{headline.pattern.partition('/')[0]}/loss"
    order = sorted(figures, key=lambda figure: figure != own)
    drawn = [_small_multiple(figure, names, curves) for figure in order]
    return [one for one in drawn if one is not None]


def _small_multiple(
    figure: str, names: Sequence[str], curves: Mapping[str, Sequence[Rows]]
) -> Curves | None:
    lines = {
        name: [
            np.array([(row["step"], row[figure]) for row in rows if figure in row])
            for rows in curves.get(name, ())
        ]
        for name in names
    }
    lines = {name: [line for line in own if len(line) > 1] for name, own in lines.items()}
    every = [line for own in lines.values() for line in own]
    if not every:
        return None
    last = max(line[-1, 0] for line in every)
    top = max(float(np.quantile(line[:, 1], 0.98)) for line in every) or 1.0

    def draw(line: np.ndarray) -> str:
        kept = line[np.linspace(0, len(line) - 1, min(len(line), MOST_POINTS)).round().astype(int)]
        across, down = 100 * kept[:, 0] / last, 100 * (1 - np.clip(kept[:, 1] / top, 0, 1))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))

    def mean_of(own: Sequence[np.ndarray]) -> np.ndarray:
        by_step: dict[float, list[float]] = defaultdict(list)
        for line in own:
            for step, value in line:
                by_step[step].append(value)
        return np.array([(step, fmean(by_step[step])) for step in sorted(by_step)])

    means = {name: mean_of(own) for name, own in lines.items() if own}
    return Curves(
        title=spoken(figure.removeprefix("train/")),
        all=[draw(mean) for mean in means.values()],
        variants=[(n, [draw(x) for x in lines[n]], f"{means[n][-1, 1]:.3g}") for n in means],
        top=f"{top:.3g}",
        last_step=f"{last:,.0f}",
    )
