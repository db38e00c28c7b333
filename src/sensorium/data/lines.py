"""Rows of manifests with a row per line: JSONL, CSV or TSV.

What is kept in memory is where each row begins, not the row: 20 bytes whatever it holds. A row is
read and parsed when it is asked for.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO

from sensorium.data.files import KeptOpen, Location
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.tables import Cells, Entry, file_fingerprint, names_fingerprint
from sensorium.errors import DataError

SUFFIXES = (".jsonl", ".csv", ".tsv")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
BYTE_ORDER_MARK = "\ufeff"

Record = tuple[int, int, bytes]
"""Number from 1 of the line where it begins, its first byte in the file, and its bytes."""


class LineTable:
    """A manifest with a row per line, told by its suffix; in UTF-8."""

    def __init__(self, file: Location) -> None:
        self.file = file
        self.name = file.name
        self.folder = file.parent
        self.classes: dict[str, list[str]] = {}
        self.flaws: list[Broken] = []
        self.broken: list[Broken] = []
        self._content = KeptOpen(file)
        self._parse = _parser(file)
        self._lines, self._starts, self._sizes = array("q"), array("q"), array("l")
        columns: dict[str, None] = {}
        with file.open("rb") as opened:
            for line, start, content in _records(opened, file):
                try:
                    columns |= dict.fromkeys(self._parse(content))
                except BrokenSample as error:
                    self.broken.append(Broken(f"{self.name}:{line}", str(error)))
                    continue
                self._lines.append(line)
                self._starts.append(start)
                self._sizes.append(len(content))
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(self._lines)

    def id(self, row: int) -> str:
        return f"{self.name}:{self._lines[row]}"

    def cells(self, row: int) -> Cells:
        return self._parse(self._content.read(self._starts[row], self._sizes[row]))

    def fingerprint(self) -> str:
        return file_fingerprint(self.file)


class LineStream:
    """Manifests read line after line; each file is a shard."""

    def __init__(self, name: str, files: Sequence[Location]) -> None:
        self.name = name
        self.files = files
        self.shards = len(files)
        self.rows: int | None = None
        self.classes: dict[str, list[str]] = {}

    def folder(self, shard: int) -> Location:
        return self.files[shard].parent

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        file = self.files[shard]
        parse = _parser(file)
        with file.open("rb") as opened:
            for line, _, content in islice(_records(opened, file), start, None, step):
                id = f"{file.name}:{line}"
                try:
                    yield id, parse(content)
                except BrokenSample as error:
                    yield Broken(id, str(error))

    def fingerprint(self) -> str:
        return names_fingerprint(self.files)


def _records(opened: BinaryIO, file: Location) -> Iterator[Record]:
    """The records of the file that are not empty, in order."""
    if file.suffix == ".jsonl":
        return _json_records(opened)
    return _csv_records(opened, DELIMITERS[file.suffix])


def _parser(file: Location) -> Callable[[bytes], Cells]:
    """What makes the cells of a row of its bytes, or raises `BrokenSample`."""
    return json_row if file.suffix == ".jsonl" else _CsvRow(file)


def _json_records(opened: BinaryIO) -> Iterator[Record]:
    start = 0
    for line, content in enumerate(opened, start=1):
        if content.strip():
            yield line, start, content
        start += len(content)


def json_row(content: bytes) -> Cells:
    """The cells of a line; `BrokenSample` where it holds no JSON object."""
    try:
        row = json.loads(content.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise BrokenSample(f"the line is not UTF-8 (byte {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise BrokenSample(f"the line is not JSON ({error})") from None
    if not isinstance(row, dict):
        raise BrokenSample(f"expected a JSON object on the line, got {type(row).__name__}")
    return row


def _csv_records(opened: BinaryIO, delimiter: str) -> Iterator[Record]:
    """All but the header. A record goes on over the lines that its quotes embrace."""
    taken: list[bytes] = []

    def lines() -> Iterator[str]:
        for line in opened:
            taken.append(line)
            yield _decoded(line)

    reader, start = csv.reader(lines(), delimiter=delimiter), 0
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error:
            record = [""]  # parsed again, it tells its fault
        if record is None:
            return
        content = b"".join(taken)
        taken.clear()
        if record and line > 1:
            yield line, start, content
        start += len(content)


class _CsvRow:
    """Parses a record by the header in the first line of its file."""

    def __init__(self, file: Location) -> None:
        self.delimiter = DELIMITERS[file.suffix]
        with file.open("rb") as opened:
            lines = map(_decoded, opened)
            begin = next(lines, "").removeprefix(BYTE_ORDER_MARK)
            self.header = next(csv.reader(chain([begin], lines), delimiter=self.delimiter), [])
        if len(set(self.header)) != len(self.header):
            raise DataError(f"{file}: expected distinct column names in line 1, got {self.header}")

    def __call__(self, content: bytes) -> Cells:
        try:
            lines = io.StringIO(_decoded(content), newline="\n")
            record = next(csv.reader(lines, delimiter=self.delimiter))
        except csv.Error as error:
            raise BrokenSample(f"the line is not CSV ({error})") from None
        if len(record) != len(self.header):
            wanted = len(self.header)
            raise BrokenSample(f"expected {wanted} cells as in line 1, got {len(record)}")
        return dict(zip(self.header, record, strict=True))


def _decoded(line: bytes) -> str:
    """Bytes that are not UTF-8 survive here, and are named as broken where text is decoded."""
    return line.decode("utf-8", errors="surrogateescape")
