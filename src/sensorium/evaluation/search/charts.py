"""Trials -> the charts of the page, for the template to draw.

Places in charts are shares of the plot, 0 to 100, from the left and from the top.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, MaxNLocator

from sensorium.evaluation.comparison.charts import axis
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.verdict import told
from sensorium.evaluation.search.found import Found, Tried, Where

MARGIN = 6.0  # of an axis, beyond its first and last value
FEWEST_MARKS = 2  # of an axis; one that has fewer round ones is marked by its ends

Ticks = list[tuple[float, str]]


@dataclass(frozen=True)
class Point:
    """A trial on a chart.

    Attributes:
        x, y: its place.
        kind: `finished`, `pruned` or `best`.
        told: what it is, in words.
    """

    x: float
    y: float
    kind: str
    told: str


@dataclass(frozen=True)
class Scatter:
    """Trials by something, against the figure."""

    title: str
    points: list[Point]
    across: Ticks
    up: Ticks
    line: str = ""


@dataclass(frozen=True)
class Thread:
    """A trial through all axes: its points, how good it is from 0 to 1, and what it is."""

    points: str
    share: float
    told: str


@dataclass(frozen=True)
class Parallel:
    """All keys side by side: (place, name, ticks) of each axis, and a thread for each trial."""

    axes: list[tuple[float, str, Ticks]]
    threads: list[Thread]


class Scale:
    """Values of a key -> places along an axis.

    Args:
        where: the key may be.
    """

    def __init__(self, where: Where) -> None:
        self.where = where

    def place(self, value: object) -> float:
        """From 0 to 100, with a margin at both ends."""
        if self.where.ends is None:
            share = self._label_share(str(value))
        else:
            assert isinstance(value, int | float), "of a range"
            low, high = map(self._even, self.where.ends)
            number = self._even(value)
            share = (number - low) / (high - low)
        return MARGIN + (100 - 2 * MARGIN) * share

    @property
    def ticks(self) -> Ticks:
        """Places and their labels."""
        if self.where.ends is None:
            return [(self.place(label), label) for label in self.where.labels]
        low, high = self.where.ends
        locator = LogLocator() if self.where.log else MaxNLocator(4, steps=[1, 2, 5, 10])
        marks = [float(mark) for mark in locator.tick_values(low, high) if low <= mark <= high]
        if len(marks) < FEWEST_MARKS:
            marks = [low, high]
        return [(self.place(mark), f"{mark:g}") for mark in marks]

    def _even(self, value: float) -> float:
        return math.log(value) if self.where.log else float(value)

    def _label_share(self, label: str) -> float:
        last = len(self.where.labels) - 1
        return self.where.labels.index(label) / last if last else 0.5


def history(found: Found, headline: Headline) -> Scatter:
    """Every trial in its turn, and the best figure so far."""
    down, up = _up(found, headline)
    last = max(len(found.trials) - 1, 1)
    best: float | None = None
    steps: list[str] = []
    for one in found.trials:
        before = best
        if one.figure is not None and (best is None or _beats(one.figure, best, headline)):
            best = one.figure
        corners = [before, best] if before is not None else [best]
        steps += [f"{100 * one.number / last:.2f},{down(y):.2f}" for y in corners if y is not None]
    marks = MaxNLocator(6, integer=True).tick_values(0, last)
    return Scatter(
        title="Trial by trial",
        points=[
            Point(
                100 * one.number / last, down(figure), kind_of(one, found), told_of(one, headline)
            )
            for one in found.trials
            if (figure := one.last_figure) is not None
        ],
        across=[(100 * m / last, f"{m:g}") for m in marks if 0 <= m <= last],
        up=up,
        line=" ".join(steps),
    )


def slices(found: Found, headline: Headline, names: Mapping[str, str]) -> list[Scatter]:
    """For every key, its values against the figure."""
    down, up = _up(found, headline)
    charts = []
    for key, where in found.space.items():
        scale = Scale(where)
        points = [
            Point(
                scale.place(_value(one, key, where)),
                down(figure),
                kind_of(one, found),
                told_of(one, headline),
            )
            for one in found.trials
            if (figure := one.last_figure) is not None
        ]
        charts.append(Scatter(names[key], points, scale.ticks, up))
    return charts


def parallel(found: Found, headline: Headline, names: Mapping[str, str]) -> Parallel:
    """Every finished trial as a line through its values and its figure, the better the stronger."""
    down, up = _up(found, headline)
    scales = {key: Scale(where) for key, where in found.space.items()}
    gap = 100 / len(scales)
    ranked = found.finished
    threads = []
    for rank, one in enumerate(reversed(ranked)):
        assert one.figure is not None, "what is finished has a figure"
        places = [
            f"{number * gap:.2f},{100 - scale.place(_value(one, key, scale.where)):.2f}"
            for number, (key, scale) in enumerate(scales.items())
        ]
        points = " ".join([*places, f"100,{down(one.figure):.2f}"])
        threads.append(Thread(points, (rank + 1) / len(ranked), told_of(one, headline)))
    axes = [
        (number * gap, names[key], [(100 - place, label) for place, label in scale.ticks])
        for number, (key, scale) in enumerate(scales.items())
    ]
    return Parallel([*axes, (100.0, str(headline), up)], threads)


def kind_of(one: Tried, found: Found) -> str:
    """How a trial is drawn."""
    return "best" if one == found.best else one.state


def told_of(one: Tried, headline: Headline) -> str:
    """A trial in words."""
    figure = one.last_figure
    end = "" if figure is None else f": {told(headline, figure)}"
    return f"{one.name}{end}{', pruned' if one.state == 'pruned' else ''}"


def _value(one: Tried, key: str, where: Where) -> object:
    """What a scale has a place for."""
    return one.values[key] if where.ends is not None else one.words[key]


def _up(found: Found, headline: Headline) -> tuple[Callable[[float], float], Ticks]:
    """Figure -> its place from the top, and the ticks of that axis."""
    figures = [f for one in found.trials if (f := one.last_figure) is not None]
    low, high, ticks = axis(figures, headline)

    def down(figure: float) -> float:
        return 100 * (high - figure) / (high - low)

    return down, [(down(tick), label) for tick, label in ticks]


def _beats(figure: float, best: float, headline: Headline) -> bool:
    return figure < best if headline.lower_is_better else figure > best
