"""Duplicates and leaks over all sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sensorium.data.check.duplicates import Marks, Place, alike, same
from sensorium.data.check.examine import Examined

Column = tuple[str, str]
"""A modality, and the column of a text; files are compared whatever their columns."""


class Groups:
    """Collects the marks of every sample, and finds those that are the same or alike."""

    def __init__(self) -> None:
        self._content: dict[Column, Marks] = defaultdict(Marks)
        self._likeness: dict[Column, Marks] = {}
        self._parts: dict[Column, Marks] = defaultdict(Marks)

    def add(self, number: int, examined: Examined) -> None:
        """Take in a row of set `number`."""
        for seen in examined.seen:
            look, place = seen.look, (number, examined.row)
            column = (seen.modality, seen.column if seen.modality == "text" else "")
            self._content[column].add(place, look.content)
            if look.part_of is not None:
                self._parts[column].add(place, look.part_of)
            if look.likeness is not None:
                values = len(look.likeness.signature)
                marks = self._likeness.setdefault(column, Marks(values))
                marks.add(place, look.likeness.hash, look.likeness.signature)

    def columns(self) -> Iterable[Column]:
        return self._content.keys()

    def exact(self, column: Column) -> list[list[Place]]:
        """Groups of the same bytes."""
        return same(self._content[column])

    def near(self, column: Column, exact: list[list[Place]]) -> list[list[Place]]:
        """Groups of what is alike, without those that are the same throughout."""
        marks = self._likeness.get(column)
        if marks is None:
            return []
        found = same(marks) if column[0] == "text" else alike(marks)
        first = {place: group[0] for group in exact for place in group}
        return [group for group in found if len({first.get(one, one) for one in group}) > 1]

    def of_one_file(self, column: Column) -> list[list[Place]]:
        """Groups of parts of the same file that lie in several sets."""
        groups = same(self._parts[column]) if column in self._parts else []
        return [group for group in groups if len({number for number, _ in group}) > 1]
