"""What probing found, as the report shows it: a table, and a chart for each kind of vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensorium.evaluation.curves import Chart, Line

READER_NAMES = {"linear": "linear probe", "knn": "nearest neighbours"}
ALL = "0"  # as `Curve` counts all labels
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ProbeRow:
    """One kind of vector by one reader, with all labels: shares, and the ends of the interval."""

    vector: str
    reader: str
    trained: float
    interval: tuple[float, float]
    untrained: float


@dataclass(frozen=True)
class ProbePanel:
    """Probing in the report.

    Attributes:
        split: whose figures these are.
        facts: what was probed with, in words.
        majority: share that is right by always naming the most frequent class.
        rows: all labels.
        charts: accuracy by labels of each class; none where only all labels were tried.
    """

    split: str
    facts: str
    majority: float
    rows: list[ProbeRow]
    charts: list[Chart]


def probe_panel(split: str, probed: Mapping[str, Any]) -> ProbePanel:
    """The panel of one probing.

    Args:
        split: whose figures these are.
        probed: as `summary.json` has it.
    """
    curves = {(c["vector"], c["reader"], c["trained"]): c["by_labels"] for c in probed["curves"]}
    vectors = list(dict.fromkeys(vector for vector, _, _ in curves))
    rows = [
        ProbeRow(
            vector,
            READER_NAMES[reader],
            of[ALL]["accuracy"],
            tuple(of[ALL]["interval"]),
            curves[vector, reader, False][ALL]["accuracy"],
        )
        for (vector, reader, trained), of in curves.items()
        if trained
    ]
    return ProbePanel(
        split=split,
        facts=(
            f"{probed['data']}: {probed['classes']} classes, learned from {probed['known']:,} "
            f"labelled samples, judged on {probed['asked']:,}"
        ),
        majority=probed["majority"],
        rows=rows,
        charts=[
            chart
            for vector in vectors
            if (chart := _chart(vector, {k[1:]: v for k, v in curves.items() if k[0] == vector}))
        ],
    )


def _chart(vector: str, curves: Mapping[tuple[str, bool], Mapping[str, Any]]) -> Chart | None:
    """Accuracy by labels; the steps are equally far apart, whatever they count."""
    first = next(iter(curves.values()))
    counts = [*sorted((count for count in first if count != ALL), key=int), ALL]
    if len(counts) == 1:
        return None
    places = {count: 100 * number / (len(counts) - 1) for number, count in enumerate(counts)}
    lines = [
        Line(
            READER_NAMES[reader] + ("" if trained else ", fresh weights"),
            f"{of[ALL]['accuracy']:.3g}",
            " ".join(f"{places[n]:.2f},{100 * (1 - of[n]['accuracy']):.2f}" for n in counts),
        )
        for (reader, trained), of in curves.items()
    ]
    return Chart(
        title=f"{vector.capitalize()}: accuracy by labels of each class",
        lines=lines,
        steps=[(place, "all" if count == ALL else count) for count, place in places.items()],
        values=[(100 * (1 - share), f"{share:g}") for share in SHARES],
    )
