"""What the rows to train on tell of the targets: the names of classes and answers, how often each
comes, and the spread of numbers.

It is kept with the run, in `targets.json`, and never learned from other rows: a class is the same
index in every set that the model meets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from sensorium.batch import Learned
from sensorium.data.box_cells import boxes_in, corners_of, the_box
from sensorium.data.columns import JUDGED_ONLY, PLACES
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source
from sensorium.data.streams import StreamSource
from sensorium.data.target_cells import (
    class_name,
    every_answer,
    one_answer,
    one_name,
    one_number,
    target_cells,
)
from sensorium.errors import DataError

NAMES_LISTED = 10
"""How many names a message spells out."""

RowsOfSet = tuple[Source | StreamSource, Iterable[Row]]
"""A set, and those of its rows that are learned from."""


@dataclass
class _Told:
    """What the rows said of one field: how often each name came, or the numbers; how many rows had
    any; and the first that could not be read, with the reason."""

    columns: dict[str, None] = field(default_factory=dict)
    class_names: dict[str, None] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    numbers: list[float] = field(default_factory=list)
    rows: int = 0
    unread: str = ""

    @property
    def where(self) -> str:
        listed = ", ".join(repr(column) for column in self.columns)
        return f"column {listed}" if len(self.columns) == 1 else f"columns {listed}"


def learn(
    config: DataConfig, sets: Sequence[RowsOfSet], judged: Sequence[RowsOfSet] = ()
) -> tuple[dict[str, Learned], list[str]]:
    """Go through the rows once, and learn every target that a set has columns for.

    Rows whose target cannot be read are left out; they are named where they are decoded.

    Args:
        sets: to train on.
        judged: to be judged on. Only what nothing is trained on is learned of them.

    Returns:
        field -> what was learned of it, and notes in words on what will not be.

    Raises:
        DataError: no row has a target, all have the same, or a class of the recipe has none.
    """
    told: dict[str, _Told] = {}
    every = [(source, rows, source.targets) for source, rows in sets]
    for source, rows in judged:
        columns_of = {n: own for n, own in source.targets.items() if n in JUDGED_ONLY}
        every += [(source, rows, columns_of)] if columns_of else []
    for source, _, targets in every:
        for name, columns in targets.items():
            one = told.setdefault(name, _Told())
            one.columns |= dict.fromkeys(columns)
            for column in columns:
                one.class_names |= dict.fromkeys(source.classes.get(column, ()))
    for source, rows, targets in every:
        for row in rows if targets else ():
            for name, columns in targets.items():
                one = told[name]
                try:
                    cells = target_cells(row.values, columns, source.classes, name in PLACES)
                    if cells is not None:
                        one.rows += _TAKE[name](one, cells, config)
                except BrokenSample as error:
                    one.unread = one.unread or f"{row.id}: {error}"
    trained_on = " + ".join(source.name for source, _ in sets)
    looked_at = " + ".join(source.name for source, _, _ in every)
    learned, notes = {}, []
    for name, one in told.items():
        if not one.names and not one.numbers:
            flaws = [
                flaw for source, _ in sets if isinstance(source, Source) for flaw in source.flaws
            ]
            unread = one.unread or next((f"{flaw.id}: {flaw.reason}" for flaw in flaws), "")
            first = f" (the first: {unread})" if unread else ""
            raise DataError(
                f"no row of {looked_at} has any {name}: {one.where} holds none that can be read"
                f"{first}; name another as data.fields.{name}=COLUMN, or say "
                f"data.fields.{name}=[] for none"
            )
        learned[name], more = _LEARN[name](name, one, config, trained_on)
        notes += more
    return learned, notes


def class_index(name: str, index: Mapping[str, int], numbered: bool) -> int | None:
    """The index of a class by its name, or where the recipe says the order, by its number."""
    if name in index:
        return index[name]
    if numbered and name.isdecimal() and int(name) < len(index):
        return int(name)
    return None


def _learn_classes(
    name: str, told: _Told, config: DataConfig, trained_on: str
) -> tuple[Learned, list[str]]:
    """The recipe's classes; else those that the format says, else those that came, sorted."""
    said = config.classes
    names = said or list(told.class_names) or sorted(told.names, key=_natural)
    index = {one: number for number, one in enumerate(names)}
    rows = [0] * len(names)
    for one, count in told.names.items():
        number = class_index(one, index, said is not None)
        if number is not None:
            rows[number] += count
    empty = [one for one, count in zip(names, rows, strict=True) if not count]
    if empty and said is not None:
        others = [one for one in told.names if one not in index]
        nearest = get_close_matches(empty[0], others, n=1)
        raise DataError(
            f"no row of {trained_on} has the class {_listed(empty)} that data.classes names"
            + (f" (it has {nearest[0]!r})" if nearest else "")
            + f"; {told.where} says what there is: mend the name, or take it out of data.classes"
        )
    if len(names) - len(empty) < 2 and name == "label":
        raise DataError(
            f"all rows of {trained_on} have the {name} {next(iter(told.names))!r}; expected at "
            f"least two classes in {told.where}"
        )
    notes = [f"{name}: no row of {trained_on} has the class {_listed(empty)}"] if empty else []
    return Learned(names, rows, told.rows, numbered=said is not None), notes


def _learn_answers(
    name: str, told: _Told, config: DataConfig, trained_on: str
) -> tuple[Learned, list[str]]:
    """The most frequent answers first; those that came equally often by name."""
    ordered = sorted(told.names.items(), key=lambda one: (-one[1], one[0]))
    if len(ordered) < 2:
        raise DataError(
            f"all rows of {trained_on} have the {name} {ordered[0][0]!r}; expected at least two "
            f"answers in {told.where}"
        )
    kept, left = ordered[: config.answers], ordered[config.answers or len(ordered) :]
    notes = []
    if left:
        rows = sum(count for _, count in left)
        notes.append(
            f"{name}: {rows:,} of {told.names.total():,} rows of {trained_on} have an answer that "
            f"is not among the {len(kept):,} most frequent (data.answers), and teach none"
        )
    return Learned([one for one, _ in kept], [count for _, count in kept], told.rows), notes


def _learn_types(
    name: str, told: _Told, config: DataConfig, trained_on: str
) -> tuple[Learned, list[str]]:
    names = sorted(told.names, key=_natural)
    return Learned(names, [told.names[one] for one in names], told.rows), []


def _learn_number(
    name: str, told: _Told, config: DataConfig, trained_on: str
) -> tuple[Learned, list[str]]:
    numbers = np.array(told.numbers)
    deviation = float(numbers.std())
    if deviation == 0:
        raise DataError(
            f"all rows of {trained_on} have the {name} {told.numbers[0]:g}; expected different "
            f"ones in {told.where}"
        )
    return Learned(total=told.rows, mean=float(numbers.mean()), deviation=deviation), []


def _learn_rows(
    name: str, told: _Told, config: DataConfig, trained_on: str
) -> tuple[Learned, list[str]]:
    return Learned(total=told.rows), []


def _take_label(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    """Whether there is one; so the others."""
    name = one_name(cells)
    if name is not None:
        told.names[name] += 1
    return name is not None


def _take_labels(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    told.names.update({class_name(cell) for cell in cells})
    return True


def _take_number(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    number = one_number(cells)
    if number is not None:
        told.numbers.append(number)
    return number is not None


def _take_answer(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    answer = one_answer(cells)
    if answer is not None:
        told.names[answer] += 1
    return answer is not None


def _take_texts(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    """How many there are is kept of each, and nothing of what they say."""
    if cells:
        told.numbers.append(len(cells))
    return bool(cells)


def _take_types(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    told.names.update(every_answer(cells))
    return bool(cells)


def _take_boxes(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    found, flaws = boxes_in(cells, config.boxes)
    told.names.update(one.label for one in found)
    if flaws and not found:
        raise BrokenSample(flaws[0])  # the row stays, without any box
    return True


def _take_box(told: _Told, cells: Sequence[Any], config: DataConfig) -> bool:
    """One number is kept of each, which says that there are any."""
    if cells:
        left, top, right, bottom = corners_of(the_box(cells), config.boxes)
        told.numbers.append((right - left) * (bottom - top))
    return bool(cells)


_TAKE: Mapping[str, Callable[[_Told, Sequence[Any], DataConfig], bool]] = {
    "label": _take_label,
    "labels": _take_labels,
    "number": _take_number,
    "answer": _take_answer,
    "question_type": _take_answer,
    "boxes": _take_boxes,
    "box": _take_box,
    "wrong_text": _take_texts,
    "wrong_type": _take_types,
}

_LEARN: Mapping[str, Callable[[str, _Told, DataConfig, str], tuple[Learned, list[str]]]] = {
    "label": _learn_classes,
    "labels": _learn_classes,
    "number": _learn_number,
    "answer": _learn_answers,
    "question_type": _learn_types,
    "boxes": _learn_classes,
    "box": _learn_rows,
    "wrong_text": _learn_rows,
    "wrong_type": _learn_types,
}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """What sorts `item 10` after `item 9`."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_LISTED:,} more" if len(names) > NAMES_LISTED else ""
    return ", ".join(repr(name) for name in names[:NAMES_LISTED]) + more
