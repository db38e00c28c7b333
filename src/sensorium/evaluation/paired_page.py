"""Two runs compared, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.evaluation.names import is_share
from sensorium.evaluation.paired import Difference, Paired, in_words
from sensorium.page import write_page


@dataclass(frozen=True)
class Row:
    """A figure on the page.

    Attributes:
        name: in words.
        a, b: the figures, in words.
        difference: the same, with its interval.
        bar: from where to where its interval reaches, and where the difference lies, 0 to 100; no
            difference lies at 50. None without an interval.
        interval: in words.
        only: samples that only one of the two has right, in words.
        p: as it is, and for all figures together.
        place: of the better one, `a` or `b`, or `level`.
    """

    name: str
    a: str
    b: str
    difference: str
    bar: tuple[float, float, float] | None
    interval: str
    only: str
    p: str
    place: str


def write_pair(path: Path, compared: Paired) -> None:
    """Write the page."""
    write_page(
        path,
        "evaluation/paired.html.jinja",
        compared=compared,
        rows=_rows(compared),
        left_out={in_words(name): why for name, why in compared.left_out.items()},
    )


def told(name: str, figure: float, sign: str = "") -> str:
    """A figure for people: shares as percentages."""
    return f"{100 * figure:{sign}.1f} %" if is_share(name) else f"{figure:{sign}.3g}"


def told_interval(one: Difference) -> str:
    """Of the difference; nothing where it is not known."""
    if one.interval is None:
        return ""
    low, high = (told(one.name, end, "+").removesuffix(" %") for end in one.interval)
    return f"{low} to {high}"


def told_p(p: float) -> str:
    """Not more than anybody can know."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _rows(compared: Paired) -> Sequence[Row]:
    """Bars of shares are drawn to one scale; of all others each to its own."""
    shares = [_reach(one) for one in compared.differences if is_share(one.name)]
    widest = max(shares, default=0.0)

    def row(one: Difference) -> Row:
        scale = 46 / ((widest if is_share(one.name) else _reach(one)) or 1)
        ends = one.interval and (one.interval[0], one.interval[1], one.difference)
        bar = ends and (50 + scale * ends[0], 50 + scale * ends[1], 50 + scale * ends[2])
        return Row(
            name=in_words(one.name),
            a=told(one.name, one.a),
            b=told(one.name, one.b),
            difference=told(one.name, one.difference, "+"),
            bar=bar or None,
            interval=told_interval(one),
            only="" if one.only_a is None else f"{one.only_a} / {one.only_b}",
            p=f"{told_p(one.p)} / {told_p(one.adjusted)}",
            place=one.better or "level",
        )

    return [row(one) for one in compared.differences]


def _reach(one: Difference) -> float:
    return max(map(abs, (*(one.interval or ()), one.difference)))
