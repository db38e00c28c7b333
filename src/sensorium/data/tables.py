"""Rows of the manifests people have: JSONL, CSV, TSV and folders. Parquet is in `parquet.py`.

A table knows nothing of modalities: it gives the cells of a row by column name, and an id by
which a person finds the row again.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from sensorium.data.image import SUFFIXES
from sensorium.data.quarantine import Broken
from sensorium.errors import DataError

Cells = dict[str, Any]


class Table(Protocol):
    """Rows with named columns.

    Attributes:
        name: what a person calls it, and what its ids begin with, as in `train.jsonl`.
        folder: what paths in its cells are relative to.
        columns: every column that any row has.
        broken: rows that could not be read at all; they are not counted in `len`.
    """

    name: str
    folder: Path
    columns: list[str]
    broken: list[Broken]

    def __len__(self) -> int: ...

    def id(self, row: int) -> str: ...

    def cells(self, row: int) -> Cells: ...

    def fingerprint(self) -> str:
        """A hexadecimal SHA-256 that changes when the rows do."""
        ...


class LineTable:
    """A manifest with a row per line, JSONL, CSV or TSV, told by its suffix.

    Args:
        path: the manifest, in UTF-8.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.folder = path.parent
        self.broken: list[Broken] = []
        self._lines: list[int] = []
        self._cells: list[Cells] = []
        read = _json_rows if path.suffix == ".jsonl" else _csv_rows
        for line, row in read(path):
            if isinstance(row, str):
                self.broken.append(Broken(f"{self.name}:{line}", row))
            else:
                self._lines.append(line)
                self._cells.append(row)
        self.columns = list(dict.fromkeys(name for row in self._cells for name in row))

    def __len__(self) -> int:
        return len(self._cells)

    def id(self, row: int) -> str:
        return f"{self.name}:{self._lines[row]}"

    def cells(self, row: int) -> Cells:
        return self._cells[row]

    def fingerprint(self) -> str:
        return file_fingerprint(self.path)


class FolderTable:
    """Every picture under a folder, with the text of the `.txt` file of the same stem beside it.

    The columns are `file_name` and, where any such file is there, `text`. Hidden files are left
    out.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self.folder = folder
        self.broken: list[Broken] = []
        files = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
        self._files = [name for name in files if (folder / name).is_file()]
        captions = any(self._caption(name).is_file() for name in self._files)
        self.columns = ["file_name", "text"] if captions else ["file_name"]

    def __len__(self) -> int:
        return len(self._files)

    def id(self, row: int) -> str:
        return self._files[row]

    def cells(self, row: int) -> Cells:
        name = self._files[row]
        caption = self._caption(name)
        if not caption.is_file():
            return {"file_name": name}
        # Bytes that are not UTF-8 survive here, and are named as broken where text is decoded.
        text = caption.read_text(encoding="utf-8", errors="surrogateescape")
        return {"file_name": name, "text": text.strip()}

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name in self._files:
            for path in (self.folder / name, self._caption(name)):
                size = path.stat().st_size if path.is_file() else -1
                digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _caption(self, name: str) -> Path:
        return (self.folder / name).with_suffix(".txt")


def file_fingerprint(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _json_rows(path: Path) -> Iterator[tuple[int, Cells | str]]:
    """Line number from 1, and the row, or the reason why it is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _json_row(line)


def _json_row(line: bytes) -> Cells | str:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return f"the line is not UTF-8 (byte {error.start})"
    except (ValueError, RecursionError) as error:
        return f"the line is not JSON ({error})"
    if not isinstance(row, dict):
        return f"expected a JSON object on the line, got {type(row).__name__}"
    return row


def _csv_rows(path: Path) -> Iterator[tuple[int, Cells | str]]:
    """Line number from 1 where the record begins, and the row, or the reason why it is none."""
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.reader(file, delimiter=delimiter)
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise DataError(f"{path}: expected distinct column names in line 1, got {header}")
        while True:
            number = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, f"the line is not CSV ({error})"
                continue
            if len(record) == len(header):
                yield number, dict(zip(header, record, strict=True))
            elif record:
                yield number, f"expected {len(header)} cells as in line 1, got {len(record)}"
