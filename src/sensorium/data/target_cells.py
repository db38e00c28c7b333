"""What the cells of a target mean: names of classes, a number, an answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sensorium.data.cells import as_text, filled
from sensorium.data.quarantine import BrokenSample

LARGEST_NUMBER = 3.4e38
"""Of float32, in which targets are."""


def target_cells(
    values: Mapping[str, Any],
    columns: Sequence[str],
    classes: Mapping[str, list[str]],
    whole: bool = False,
) -> list[Any] | None:
    """What a row holds in the columns of a target; None where it holds nothing, not even an empty
    list.

    Args:
        values: column -> cell.
        classes: column of whole numbers -> the name of each, which then stands for it.
        whole: whether the items of a list are left as they are, as boxes are, which are lists too.

    Raises:
        BrokenSample: a number of such a column has no name.
    """
    there = [column for column in columns if values.get(column) is not None]
    if whole:
        cells = [one for column in there for one in listed(values[column])]
    else:
        cells = [one for column in there for one in _named(values[column], classes.get(column))]
    return cells if there else None


def listed(cell: Any) -> list[Any]:
    """The items of a cell that is a list, or itself."""
    return cell if isinstance(cell, list) else [cell]


def _named(cell: Any, names: Sequence[str] | None) -> Iterator[Any]:
    for one in filled(cell):
        if names is None or not isinstance(one, int):
            if not (isinstance(one, float) and math.isnan(one)):  # how pandas writes nothing
                yield one
        elif 0 <= one < len(names):
            yield names[one]
        elif one != -1:  # how `datasets` writes a label that nobody knows
            raise BrokenSample(f"expected a class from 0 to {len(names) - 1}, got {one}")


def class_name(cell: Any) -> str:
    """A string, a whole number or a truth, as the name of a class.

    Raises:
        BrokenSample: it is something else.
    """
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, str | int):
        return str(cell).strip()
    came = repr(cell) if isinstance(cell, float) else type(cell).__name__
    raise BrokenSample(f"expected the name of a class or a whole number, got {came}")


def one_name(cells: Sequence[Any]) -> str | None:
    """The name of the one class that the cells hold; None where they hold nothing.

    Raises:
        BrokenSample: they hold several, or something else.
    """
    names = dict.fromkeys(class_name(cell) for cell in cells)
    if len(names) > 1:
        listed = ", ".join(names)
        raise BrokenSample(f"expected one class, got {listed}; several at once are `labels`")
    return next(iter(names), None)


def one_number(cells: Sequence[Any]) -> float | None:
    """The number that the cells hold or spell; None where there is none.

    Raises:
        BrokenSample: they hold several, or what is no number that float32 can hold.
    """
    if not cells:
        return None
    if len(cells) > 1:
        raise BrokenSample(f"expected one number, got {', '.join(map(repr, cells))}")
    cell = cells[0]
    try:
        number = math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= LARGEST_NUMBER:
        raise BrokenSample(f"expected a finite number, got {cell!r}")
    return number


def one_answer(cells: Sequence[Any]) -> str | None:
    """The answer given most often, of several; None where there is none.

    Raises:
        BrokenSample: one of them is no text.
    """
    counted = Counter(every_answer(cells))
    return counted.most_common(1)[0][0] if counted else None


def every_answer(cells: Sequence[Any]) -> list[str]:
    """All answers that the cells hold, as of several people, each as often as it was given.

    Raises:
        BrokenSample: one of them is no text.
    """
    return [" ".join(as_text(cell).split()) for cell in cells]
