"""Lists inside rows, each item of which becomes a row of its own: the questions about a picture.

    {file_name, questions: [{question, answer}, ...]}  ->  {file_name, question, answer}, ...

The keys of an item stand beside the columns of its row, before which they go; an item that is no
object takes the place of the list, as each caption of several. Ids end in the item's number from 1:
`train.jsonl:17/2`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from sensorium.data.files import Location
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.tables import Cells, Entry, Table
from sensorium.errors import DataError


class EachTable:
    """A table whose rows are the items of a list in the rows of another.

    Args:
        table: the other.
        column: of the lists. A row without any has no item.

    Raises:
        DataError: there is no such column.
    """

    def __init__(self, table: Table, column: str) -> None:
        require_column(table.name, table.columns, column)
        self.table = table
        self.column = column
        self.name = table.name
        self.folder = table.folder
        self.classes = table.classes
        self.flaws = table.flaws
        self.broken = list(table.broken)
        self._rows, self._items = array("q"), array("l")
        columns = dict.fromkeys(table.columns)
        for row in range(len(table)):
            try:
                items = items_of(table.cells(row), column)
            except BrokenSample as error:
                self.broken.append(Broken(table.id(row), str(error)))
                continue
            for number, item in enumerate(items):
                self._rows.append(row)
                self._items.append(number)
                columns |= dict.fromkeys(item if isinstance(item, dict) else ())
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(self._rows)

    def id(self, row: int) -> str:
        return f"{self.table.id(self._rows[row])}/{self._items[row] + 1}"

    def cells(self, row: int) -> Cells:
        cells = self.table.cells(self._rows[row])
        return with_item(cells, self.column, items_of(cells, self.column)[self._items[row]])

    def fingerprint(self) -> str:
        return self.table.fingerprint()


class EachStream:
    """The same of a stream; `rows` is not known before all is read.

    Args:
        stream: whose rows hold the lists; a `Stream` of `streams.py`.
        column: of the lists.
    """

    def __init__(self, stream: Any, column: str) -> None:
        self.stream = stream
        self.column = column
        self.name: str = stream.name
        self.shards: int = stream.shards
        self.rows: int | None = None
        self.classes: dict[str, list[str]] = stream.classes

    def folder(self, shard: int) -> Location:
        return self.stream.folder(shard)

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        return islice(self._all(shard), start, None, step)

    def fingerprint(self) -> str:
        return self.stream.fingerprint()

    def _all(self, shard: int) -> Iterator[Entry]:
        for entry in self.stream.read(shard, 0, 1):
            if isinstance(entry, Broken):
                yield entry
                continue
            id, cells = entry
            try:
                items = items_of(cells, self.column)
            except BrokenSample as error:
                yield Broken(id, str(error))
                continue
            for number, item in enumerate(items, start=1):
                yield f"{id}/{number}", with_item(cells, self.column, item)


def items_of(cells: Cells, column: str) -> Sequence[Any]:
    """The items of a row; none where its cell is empty.

    Raises:
        BrokenSample: the cell is no list.
    """
    cell = cells.get(column)
    if cell is None or isinstance(cell, list):
        return cell or []
    raise BrokenSample(f"each: expected a list in column {column!r}, got {type(cell).__name__}")


def with_item(cells: Cells, column: str, item: Any) -> Cells:
    """The row of one item."""
    return {**cells, **item} if isinstance(item, dict) else {**cells, column: item}


def require_column(name: str, columns: Sequence[str], column: str) -> None:
    """Raises `DataError` where there is no such column."""
    if column not in columns:
        close = get_close_matches(column, columns, n=1)
        nearest = f"; did you mean {close[0]!r}?" if close else "."
        raise DataError(
            f"each: {name} has no column {column!r}{nearest} The columns are {', '.join(columns)}"
        )
