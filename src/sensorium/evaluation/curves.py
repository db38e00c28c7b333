"""The rows of `metrics.jsonl` -> charts, in shares of the plot, for the template to draw."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from sensorium.evaluation.names import spoken

CHARTS = (
    ("Loss", r"train/(.+)/loss"),
    ("Accuracy in training", r"train/(.+)/accuracy"),
    ("Gradient of each task on encoders and fusion", r"train/(.+)/gradient_norm"),
    ("Validation: found first", r"validation/(?:.+/)?(.+)/recall_at_1"),
    ("Validation: accuracy", r"validation/(.+)/accuracy(.*)"),
    ("Learning rate", r"train/(learning_rate)"),
    ("Samples per second", r"train/(samples_per_second)"),
)
"""Title and the figures whose lines a chart shows; the groups give a line's name."""

MOST_POINTS = 300
"""Of one line: what a screen can show of it."""


@dataclass(frozen=True)
class Line:
    """One figure over the steps.

    Attributes:
        name: for people.
        last: its last value.
        points: `x,y x,y ...`, 0 to 100, from the top left as SVG counts.
    """

    name: str
    last: str
    points: str


@dataclass(frozen=True)
class Chart:
    """Lines over the same axes, which both start at 0.

    Attributes:
        title: what is shown.
        lines: at least one.
        steps: (place, label) of each tick below, 0 to 100 from the left.
        values: (place, label) of each tick beside, 0 to 100 from the top.
    """

    title: str
    lines: list[Line]
    steps: list[tuple[float, str]]
    values: list[tuple[float, str]]


def charts(rows: Sequence[Mapping[str, float]]) -> list[Chart]:
    """Every chart that the rows have two finite points for."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if name != "step" and math.isfinite(value):
                curves[name].append((row["step"], value))
    drawn = []
    for title, pattern in CHARTS:
        matches = [(re.fullmatch(pattern, name), points) for name, points in curves.items()]
        lines = {
            spoken("".join(match.groups())): np.array(points)
            for match, points in matches
            if match and len(points) > 1
        }
        if lines:
            drawn.append(_chart(title, lines))
    return drawn


def _chart(title: str, curves: Mapping[str, np.ndarray]) -> Chart:
    """A chart of curves [points, (step, value)]."""
    every = np.concatenate(list(curves.values()))
    last_step = every[:, 0].max()
    locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    steps = locator.tick_values(0, last_step)
    values = locator.tick_values(min(0, every[:, 1].min()), every[:, 1].max())
    low, high = values[0], values[-1]

    def draw(curve: np.ndarray) -> str:
        kept = np.linspace(0, len(curve) - 1, min(len(curve), MOST_POINTS)).round().astype(int)
        across = 100 * curve[kept, 0] / last_step
        down = 100 * (high - curve[kept, 1]) / (high - low)
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(across, down, strict=True))

    return Chart(
        title=title,
        lines=[Line(name, _figure(curve[-1, 1]), draw(curve)) for name, curve in curves.items()],
        steps=[(100 * s / last_step, f"{s:,.10g}") for s in steps if s <= last_step],
        values=[(100 * (high - value) / (high - low), f"{value:,.10g}") for value in values],
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
