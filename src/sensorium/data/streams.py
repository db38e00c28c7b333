"""Streams: sets too large to be numbered, read shard by shard and each shard from its begin.

`lines.py`, `parquet.py`, `tar.py` and `hub.py` have a stream beside their table; any other table
can be read as one. `windows.py` shuffles what comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from sensorium.data import lines
from sensorium.data.columns import ROWS_LOOKED_AT, Fields, map_columns
from sensorium.data.each import EachStream, require_column
from sensorium.data.files import Location
from sensorium.data.hub import HubStream, is_hub
from sensorium.data.lines import LineStream
from sensorium.data.parquet import ParquetStream
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.sources import Row, SourceConfig, open_table, optional_in
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.data.tables import Entry, Table
from sensorium.data.tar import TarStream
from sensorium.errors import DataError

ROWS_OF_A_SHARD = 1000
"""What counts as a shard of a table that is read as a stream."""


class Stream(Protocol):
    """Rows in shards.

    Attributes:
        name: what a person calls it.
        shards: how many parts can be read each on its own.
        rows: of all of it; None where only reading it would tell.
        classes: column of whole numbers -> the name of each number.
    """

    name: str
    shards: int
    rows: int | None
    classes: dict[str, list[str]]

    def folder(self, shard: int) -> Location:
        """What paths in the cells of the shard are relative to."""
        ...

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        """Row `start` of the shard, then every `step`th. Those between are not parsed.

        A row that cannot be read is a `Broken`, and counts.
        """
        ...

    def fingerprint(self) -> str:
        """A hexadecimal SHA-256 that changes when files do, by their names and sizes."""
        ...


class TableStream:
    """The rows of a table, in their order, and then those that it could not read."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.name = table.name
        self.shards = -(-(len(table) + len(table.broken)) // ROWS_OF_A_SHARD)
        self.rows: int | None = len(table)
        self.classes = table.classes

    def folder(self, shard: int) -> Location:
        return self.table.folder

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        rows, first = len(self.table), shard * ROWS_OF_A_SHARD
        end = min(first + ROWS_OF_A_SHARD, rows + len(self.table.broken))
        for row in range(first + start, end, step):
            if row >= rows:
                yield self.table.broken[row - rows]
                continue
            try:
                yield self.table.id(row), self.table.cells(row)
            except BrokenSample as error:
                yield Broken(self.table.id(row), str(error))

    def fingerprint(self) -> str:
        return self.table.fingerprint()


class StreamSource:
    """A stream with its columns mapped; what `Source` is to a table.

    Args:
        stream: the rows.
        columns: those that its first rows have.
        fields: modality -> the columns that hold it.
        notes: what was guessed, in words.
        targets: target -> the columns that hold it.
        prefix: put before each id.
        folder: what paths in the cells are relative to, where it is not the stream's.
        called: the name that the recipe gives the set.

    Attributes:
        optional: modalities that a row may lack without being broken.
    """

    def __init__(
        self,
        stream: Stream,
        columns: list[str],
        fields: dict[str, list[str]],
        notes: list[str],
        targets: dict[str, list[str]],
        prefix: str = "",
        folder: Location | None = None,
        called: str = "",
    ) -> None:
        self.stream = stream
        self.called = called
        self.fields = fields
        self.targets = targets
        self.notes = notes
        self.prefix = prefix
        self.name = stream.name
        self.shards = stream.shards
        self.columns = columns
        self.classes = stream.classes
        self.optional: list[str] = []
        self._folder = folder

    def read(self, shard: int, start: int = 0, step: int = 1) -> Iterator[Row | Broken]:
        """As `Stream.read`."""
        folder = self._folder or self.stream.folder(shard)
        for entry in self.stream.read(shard, start, step):
            if isinstance(entry, Broken):
                yield Broken(self.prefix + entry.id, entry.reason)
            else:
                id, cells = entry
                yield Row(self.prefix + id, cells, folder)

    def first_rows(self, rows: int) -> Iterator[Row]:
        """The first rows that can be read, as many or fewer."""
        entries = (one for shard in range(self.shards) for one in self.read(shard))
        return islice((one for one in entries if isinstance(one, Row)), rows)


def open_stream(
    files: Sequence[Location],
    fields: Fields | None = None,
    *,
    place: SourceConfig,
    strict: bool = True,
    prefix: str = "",
    modalities: Sequence[str] | None = None,
    folder: Location | None = None,
    subtitles: SubtitlesConfig | None = None,
) -> StreamSource:
    """Open a set to be streamed, and map the columns that its first rows have.

    Args:
        files: those of a pattern; none for a set of the Hub.

    For the other arguments see `open_source`.

    Raises:
        DataError: the path is of no known format, holds no rows, or its columns cannot be mapped.
    """
    stream = _open_stream(files, place, subtitles or SubtitlesConfig())
    if place.each is not None:
        _require_each(stream, place.each)
        stream = EachStream(stream, place.each)
    rows = [row.values for row in StreamSource(stream, [], {}, [], {}).first_rows(ROWS_LOOKED_AT)]
    if not rows:
        raise DataError(f"{place.path}: expected rows, found none that can be read")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    mapped, targets, notes = map_columns(stream.name, columns, rows, fields, strict, modalities)
    source = StreamSource(stream, columns, mapped, notes, targets, prefix, folder, place.name or "")
    if isinstance(stream, TableStream):
        source.optional = optional_in(stream.table, mapped)
    return source


def _require_each(stream: Stream, column: str) -> None:
    rows = StreamSource(stream, [], {}, [], {}).first_rows(ROWS_LOOKED_AT)
    require_column(stream.name, list({name: None for row in rows for name in row.values}), column)


def _open_stream(
    files: Sequence[Location], place: SourceConfig, subtitles: SubtitlesConfig
) -> Stream:
    if is_hub(place.path):
        return HubStream(place.path, place.config, place.split)
    name, suffixes = place.path.rpartition("/")[2], {file.suffix for file in files}
    if all(file.is_file() for file in files):
        if suffixes == {".parquet"}:
            return ParquetStream(name, files)
        if suffixes == {".tar"}:
            return TarStream(name, files)
        if len(suffixes) == 1 and suffixes <= set(lines.SUFFIXES):
            return LineStream(name, files)
    return TableStream(open_table(place, files, subtitles))
