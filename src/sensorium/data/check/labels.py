"""Columns that hold labels: the balance of their classes, and what gives them away."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

MOST_CLASSES = 1000
"""A column with more distinct cells holds no labels."""

LEAST_PER_CLASS = 4
"""A column whose cells come less often than that, on average, holds no labels."""

LEAST_ROWS = 20
"""Fewer rows give nothing away: chance does as much."""

LONGEST_CYCLE = 100
"""Rows after which an order may begin anew, and is still found."""

GIVEN_AWAY = 0.5
"""Share of what chance leaves open that a name or an order must tell, to be reported."""


@dataclass(frozen=True)
class Giveaway:
    """A label that follows from what no model should go by.

    Attributes:
        column: of the label.
        by: what gives it away, in words.
        accuracy: share of rows whose label follows, each told from the other rows alone.
        chance: the same without looking.
    """

    column: str
    by: str
    accuracy: float
    chance: float


class LabelColumn:
    """The cells of a column that may hold labels, as codes."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.rows = array("q")
        self.codes = array("l")

    def add(self, row: int, label: str) -> None:
        if len(self.names) > MOST_CLASSES:
            return  # no labels, so not worth the memory
        self.rows.append(row)
        self.codes.append(self.names.setdefault(label, len(self.names)))

    @property
    def holds_labels(self) -> bool:
        """Whether there are at least two classes, and few enough."""
        return 2 <= len(self.names) <= min(MOST_CLASSES, len(self.codes) // LEAST_PER_CLASS)

    def counts(self) -> dict[str, int]:
        """Class -> samples, the most frequent first."""
        counted = Counter(self.codes)
        names = list(self.names)
        return {names[code]: count for code, count in counted.most_common()}


def giveaways(name: str, column: LabelColumn, files: dict[int, str]) -> list[Giveaway]:
    """What of file names and row order gives the labels of a column away.

    Args:
        files: row -> file name, of some rows or all.
    """
    codes = np.array(column.codes)
    if len(codes) < LEAST_ROWS or len(set(column.rows)) < len(codes):
        return []  # where a row has several labels, as of its boxes, they have no order
    found = [_by_order(name, "the order of the rows", codes)]
    named = [
        (files[row], code) for row, code in zip(column.rows, codes, strict=True) if row in files
    ]
    if len(named) >= LEAST_ROWS:
        codes = np.array([code for _, code in named])
        found.append(_by_parts(name, [file for file, _ in named], codes))
    return [one for one in found if one is not None]


def _by_parts(name: str, files: Sequence[str], codes: np.ndarray) -> Giveaway | None:
    """The part that tells most, counted from the first: `audio/0_ann_3.wav` has 0, ann and 3."""
    split = [_parts(file) for file in files]
    found: list[Giveaway | None] = []
    for place in range(max(map(len, split))):
        parts = [one[place] if place < len(one) else "" for one in split]
        if len(set(parts)) == 1:
            continue
        by = f"part {place + 1} of the file name, as in {parts[0]!r} of {files[0]!r}"
        accuracy = _told_by(parts, codes)
        found.append(_judged(name, by, accuracy, _most_frequent(codes)))
        if found[-1] is None and all(part.isdigit() for part in parts):
            order = np.argsort([int(part) for part in parts], kind="stable")
            found.append(_by_order(name, f"the order of {by}", codes[order]))
    told = [one for one in found if one is not None]
    return max(told, key=lambda one: one.accuracy, default=None)


def _parts(file: str) -> list[str]:
    stem = file.rpartition(".")[0] or file
    return re.findall(r"\d+|[^\W\d_]+", stem)


def _told_by(parts: Sequence[Hashable], codes: np.ndarray) -> float:
    """Share of rows whose label is the most frequent one among the other rows of the same part."""
    joint = Counter(zip(parts, codes.tolist(), strict=True))
    best: dict[Hashable, list[tuple[int, int]]] = {}
    for (part, code), count in joint.items():
        best[part] = sorted([*best.get(part, []), (count, code)], reverse=True)[:2]
    told = 0
    for (part, code), count in joint.items():
        others = max((c for c, other in best[part] if other != code), default=0)
        told += count if count - 1 > others else 0
    return told / len(codes)


def _by_order(name: str, by: str, codes: np.ndarray) -> Giveaway | None:
    """Judge how often a row has the label of the row before it, or of the one `step` before."""
    shares = np.bincount(codes) / len(codes)
    chance = float((shares**2).sum())
    for step in range(1, min(LONGEST_CYCLE, len(codes) // LEAST_PER_CLASS) + 1):
        accuracy = float((codes[step:] == codes[:-step]).mean())
        cycle = f", every {step} rows anew" if step > 1 else ""
        if found := _judged(name, by + cycle, accuracy, chance):
            return found
    return None


def _most_frequent(codes: np.ndarray) -> float:
    return float(np.bincount(codes).max() / len(codes))


def _judged(name: str, by: str, accuracy: float, chance: float) -> Giveaway | None:
    told = (accuracy - chance) / (1 - chance) if chance < 1 else 0.0
    return Giveaway(name, by, accuracy, chance) if told >= GIVEN_AWAY else None
