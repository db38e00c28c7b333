"""How well each class is told, as the report shows it: a table, and who is taken for whom.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sensorium.tasks.class_report import ClassReport

MOST_DRAWN = 100
"""Classes; a drawing of more tells nothing to the eye."""

MOST_CONFUSED = 10
"""Pairs that are named."""

MOST_NUMBERED, MOST_NAMED = 12, 30
"""Classes up to which cells hold their numbers, and rows and columns their names."""

LABEL_SIDE, LABEL_CHARACTERS = 96, 14


@dataclass(frozen=True)
class Cell:
    """Samples of one class that are taken for one class.

    Attributes:
        x, y: its corner.
        share: of the samples of their class.
        count: how many, where there is room to say it.
        title: the whole, in words.
        right: whether the two classes are the same.
    """

    x: float
    y: float
    share: float
    count: str
    title: str
    right: bool


@dataclass(frozen=True)
class Confusion:
    """The drawing: a square for each pair of classes that came, the true class being the row.

    Attributes:
        side: of the whole drawing, and of a square.
        cells: all that are not empty.
        labels: (name, middle of its row or column); none where there are too many.
    """

    side: float
    square: float
    margin: float
    cells: list[Cell]
    labels: list[tuple[str, float]]


@dataclass(frozen=True)
class ClassRow:
    """A class in the table: shares, None where they are not known."""

    name: str
    support: int
    shares: list[float | None]


@dataclass(frozen=True)
class ClassPanel:
    """What is shown of one task.

    Attributes:
        task: its name.
        columns: what the shares of a row are.
        rows: a class each, those that are told worst first.
        confusion: the drawing; None of several classes at once, or of too many.
        confused: in words, what is taken for what most often.
    """

    task: str
    columns: list[str]
    rows: list[ClassRow]
    confusion: Confusion | None
    confused: list[str]


def class_panel(task: str, report: ClassReport) -> ClassPanel:
    """The panel of one task."""
    figures = report.figures
    rows = [
        ClassRow(name, int(report.support[n]), [_known(of[n].item()) for of in figures.values()])
        for n, name in enumerate(report.names)
    ]
    rows.sort(key=lambda row: (row.shares[2] is None, row.shares[2] or 0.0))
    few = report.confusion is not None and len(report.names) <= MOST_DRAWN
    return ClassPanel(
        task=task.replace("_", " "),
        columns=[name.replace("_", " ").replace("f1", "F1") for name in figures],
        rows=rows,
        confusion=_draw(report) if few else None,
        confused=list(_confused(report)),
    )


def class_facts(report: ClassReport) -> dict[str, dict[str, Any]]:
    """Class -> its figures, for `summary.json`; null where they are not known."""
    return {
        name: {"support": int(report.support[n])}
        | {what: _known(of[n].item()) for what, of in report.figures.items()}
        for n, name in enumerate(report.names)
    }


def _known(share: float) -> float | None:
    return None if share != share else share


def _draw(report: ClassReport) -> Confusion:
    assert report.confusion is not None, "of one class for each sample"
    classes = len(report.names)
    square = 30.0 if classes <= MOST_NUMBERED else 18.0 if classes <= MOST_NAMED else 6.0
    margin = LABEL_SIDE if classes <= MOST_NAMED else 0
    cells = []
    for row, column in report.confusion.nonzero().tolist():
        count, of = int(report.confusion[row, column]), int(report.support[row])
        cells.append(
            Cell(
                x=margin + column * square,
                y=margin + row * square,
                share=count / of,
                count=str(count) if classes <= MOST_NUMBERED else "",
                title=f"{_taken(report, row, column)}: {count} of {of}",
                right=row == column,
            )
        )
    middles = [margin + (n + 0.5) * square for n in range(classes)]
    names = [_cut(name) for name in report.names]
    labels = list(zip(names, middles, strict=True)) if margin else []
    return Confusion(margin + classes * square, square, margin, cells, labels)


def _confused(report: ClassReport) -> Iterator[str]:
    if report.confusion is None:
        return
    wrong = report.confusion.clone().fill_diagonal_(0).flatten()
    most = wrong.argsort(descending=True, stable=True)[:MOST_CONFUSED]
    for count, place in zip(wrong[most].tolist(), most.tolist(), strict=True):
        if count:
            row, column = divmod(place, len(report.names))
            of = int(report.support[row])
            yield f"{_taken(report, row, column)}: {count} of {of}"


def _taken(report: ClassReport, row: int, column: int) -> str:
    right, said = report.names[row], report.names[column]
    return f"{right}, known as such" if row == column else f"{right}, taken for {said}"


def _cut(name: str) -> str:
    return name if len(name) <= LABEL_CHARACTERS else name[: LABEL_CHARACTERS - 1] + "…"
