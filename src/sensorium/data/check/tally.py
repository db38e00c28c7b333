"""What was seen of a set, added up row by row: a few dozen bytes stay of each."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from sensorium.data.check.examine import Examined
from sensorium.data.check.labels import LabelColumn
from sensorium.data.check.look import Fact, MediaFile, Suspicion
from sensorium.data.quarantine import Broken

MOST_WORDS = 10_000
"""Distinct words of a fact that are told apart."""

MOST_NAMED = 10_000
"""Samples of one kind of suspicion that are named; all are counted."""

MOST_MEDIA = 1000
"""Files whose streams are told one by one."""

MOST_FILES = 20_000
"""File names that are kept, to see what they give away."""


@dataclass(frozen=True)
class Spread:
    """A measure over all cells that have it, and how many these are."""

    cells: int
    least: float
    median: float
    greatest: float
    total: float


@dataclass(frozen=True)
class Suspect:
    """A suspicious sample.

    Attributes:
        id: as in `train.jsonl:17`.
        row: its number in the source; None where the flaw is in none.
        column: where the suspicion lies.
    """

    id: str
    row: int | None
    column: str
    suspicion: Suspicion


class Facts:
    """The facts of one column, in one modality."""

    def __init__(self) -> None:
        self.cells = 0
        self._rows = 0
        self._last_row = -1
        self._measures: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self._words: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, row: int, facts: dict[str, Fact]) -> None:
        self.cells += 1
        self._rows += row != self._last_row
        self._last_row = row
        for name, fact in facts.items():
            if isinstance(fact, int | float):
                self._measures[name].append(fact)
                continue
            words = self._words[name]
            for word in [fact] if isinstance(fact, str) else fact:
                if word in words or len(words) < MOST_WORDS:
                    words[word] += 1

    @property
    def samples(self) -> int:
        """That have a cell in this column."""
        return self._rows

    def measures(self) -> dict[str, Spread]:
        return {
            name: Spread(
                len(values), min(values), float(np.median(values)), max(values), sum(values)
            )
            for name, values in self._measures.items()
        }

    def words(self) -> dict[str, dict[str, int]]:
        """Fact -> word -> how often, the most frequent first."""
        return {name: dict(words.most_common()) for name, words in self._words.items()}


class Tally:
    """All that is kept of one set.

    Args:
        rows: how many it has.
    """

    def __init__(self, rows: int) -> None:
        self.facts: dict[tuple[str, str], Facts] = {}
        self.labels: dict[str, LabelColumn] = defaultdict(LabelColumn)
        self.broken: list[Broken] = []
        self.suspects: list[Suspect] = []
        self.suspicions: Counter[str] = Counter()
        self.files: dict[int, str] = {}
        self.media: dict[str, MediaFile] = {}
        self._every = max(1, rows // MOST_FILES)

    def add(self, examined: Examined, id: str) -> None:
        for seen in examined.seen:
            facts = self.facts.setdefault((seen.column, seen.modality), Facts())
            facts.add(examined.row, seen.look.facts)
            if seen.look.file is not None and len(self.media) < MOST_MEDIA:
                self.media.setdefault(examined.file or id, seen.look.file)
        if examined.broken:
            self.broken.append(Broken(id, "; ".join(examined.broken)))
        for column, suspicion in examined.suspicions:
            self.suspect(Suspect(id, examined.row, column, suspicion))
        for column, labels in examined.labels.items():
            for label in labels:
                self.labels[column].add(examined.row, label)
        if examined.file is not None and examined.row % self._every == 0:
            self.files[examined.row] = examined.file

    def suspect(self, one: Suspect) -> None:
        """Count a suspicion, and name its sample unless there are very many of its kind."""
        self.suspicions[one.suspicion.kind] += 1
        if self.suspicions[one.suspicion.kind] <= MOST_NAMED:
            self.suspects.append(one)
