"""Learning curves as small multiples: each variant's own lines before those of all the others.

Places are shares of the plot, 0 to 100, from the left and from the top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from jaxtyping import Float

from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.names import spoken

Rows = Sequence[Mapping[str, float]]
"""Those of `metrics.jsonl`."""

Line = Float[np.ndarray, "points 2"]
"""Steps and values."""

MOST_POINTS = 60  # of a line
OUTLIERS = 0.01  # share of all points that may lie above the upper edge


@dataclass(frozen=True)
class Curves:
    """One figure over the steps, small, once for each variant.

    Attributes:
        title: the figure.
        all: the means over the seeds of every variant, to be seen faintly behind each.
        variants: (name, a line for each seed, the last mean).
        bottom: what the lower edge stands for, in words.
        top: the same of the upper edge.
        last_step: what the right edge stands for.
    """

    title: str
    all: list[str]
    variants: list[tuple[str, list[str], str]]
    bottom: str
    top: str
    last_step: str


def small_curves(
    names: Sequence[str], curves: Mapping[str, Sequence[Rows]], headline: Headline
) -> list[Curves]:
    """The loss of every task, that of the deciding figure first.

    Args:
        names: of the variants, in the order in which they are shown.
        curves: name of a variant -> the rows of each of its runs.
        headline: what decides.
    """
    rows = [row for of_variant in curves.values() for run in of_variant for row in run]
    losses = dict.fromkeys(
        name for row in rows for name in row if name.startswith("train/") and name.endswith("/loss")
    )
    own = f"train/{headline.pattern.partition('/')[0]}/loss"
    drawn = []
    for loss in sorted(losses, key=lambda name: name != own):
        lines = {name: _lines(loss, curves.get(name, ())) for name in names}
        lines = {name: of_variant for name, of_variant in lines.items() if of_variant}
        if lines:
            drawn.append(_multiple(spoken(loss.removeprefix("train/")), lines))
    return drawn


def _lines(figure: str, runs: Sequence[Rows]) -> list[Line]:
    lines = [
        np.array([(row["step"], row[figure]) for row in rows if figure in row]) for rows in runs
    ]
    return [line for line in lines if len(line) > 1]


def _multiple(title: str, lines: Mapping[str, Sequence[Line]]) -> Curves:
    points = np.concatenate([line for own in lines.values() for line in own])
    last = points[:, 0].max()
    low, high = (float(end) for end in np.quantile(points[:, 1], (0, 1 - OUTLIERS)))

    def draw(line: Line) -> str:
        kept = line[np.linspace(0, len(line) - 1, min(len(line), MOST_POINTS)).round().astype(int)]
        across = 100 * kept[:, 0] / last
        down = 100 * (1 - np.clip((kept[:, 1] - low) / (high - low or 1), 0, 1))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))

    means = {name: _mean(own) for name, own in lines.items()}
    return Curves(
        title=title,
        all=[draw(mean) for mean in means.values()],
        variants=[
            (name, [draw(line) for line in own], f"{means[name][-1, 1]:.3g}")
            for name, own in lines.items()
        ],
        bottom=f"{low:.3g}",
        top=f"{high:.3g}",
        last_step=f"{last:,.0f}",
    )


def _mean(lines: Sequence[Line]) -> Line:
    """The mean of several lines at every step that any of them has."""
    by_step: dict[float, list[float]] = defaultdict(list)
    for line in lines:
        for step, value in line:
            by_step[step].append(value)
    return np.array([(step, fmean(by_step[step])) for step in sorted(by_step)])
