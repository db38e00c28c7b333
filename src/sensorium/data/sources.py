"""A file or folder of any known format, opened as rows whose columns are mapped to modalities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.config import Config
from sensorium.data.columns import ROWS_LOOKED_AT, Fields, map_columns
from sensorium.data.parquet import ParquetTable
from sensorium.data.quarantine import Broken
from sensorium.data.tables import FolderTable, LineTable, Table
from sensorium.errors import DataError

MANIFESTS = (".jsonl", ".csv", ".tsv", ".parquet")
FOLDER_MANIFESTS = ("metadata.jsonl", "metadata.csv")
"""In a folder, the Hugging Face imagefolder form."""


class SourceConfig(Config):
    """Where a set lies; in a recipe the plain path does as well."""

    path: str
    """A .jsonl, .csv, .tsv or .parquet file, a folder with metadata.jsonl or .csv, or pictures."""


@dataclass(frozen=True)
class Row:
    """One row as the table has it.

    Attributes:
        id: as in `train.jsonl:17`, line or row number, or `cat.jpg` in a folder of pictures.
        values: column -> cell, all columns.
        folder: what paths in the cells are relative to.
    """

    id: str
    values: dict[str, Any]
    folder: Path


class Source:
    """A table with its columns mapped.

    Args:
        table: the rows.
        fields: modality -> the columns that hold it.
        notes: what was guessed, in words.
        prefix: put before each id, to tell apart tables whose ids are the same.

    Attributes:
        broken: rows that cannot be read at all. They are not among the rows.
    """

    def __init__(
        self, table: Table, fields: dict[str, list[str]], notes: list[str], prefix: str = ""
    ) -> None:
        self.table = table
        self.fields = fields
        self.notes = notes
        self.prefix = prefix
        self.name = table.name
        self.columns = table.columns
        self.broken = [Broken(prefix + one.id, one.reason) for one in table.broken]

    def __len__(self) -> int:
        return len(self.table)

    def id(self, row: int) -> str:
        return self.prefix + self.table.id(row)

    def row(self, row: int) -> Row:
        return Row(self.id(row), self.table.cells(row), self.table.folder)


def open_source(
    path: Path, fields: Fields | None = None, *, strict: bool = True, prefix: str = ""
) -> Source:
    """Open a set and map its columns.

    Args:
        fields: modality -> column or columns; what is not said is guessed. An empty list says
            that the set lacks the modality.
        strict: whether columns that are not there, or cannot be guessed, are an error; otherwise
            they are noted.

    Raises:
        DataError: the path is of no known format, holds no rows, or its columns cannot be mapped.
    """
    table = _open_table(path)
    if not len(table):
        first = f"; the first: {table.broken[0].reason}" if table.broken else ""
        raise DataError(f"{path}: expected rows, found none that can be read{first}")
    rows = [table.cells(row) for row in range(min(len(table), ROWS_LOOKED_AT))]
    mapped, notes = map_columns(table.name, table.columns, rows, fields, strict)
    return Source(table, mapped, notes, prefix)


def _open_table(path: Path) -> Table:
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise DataError(f"no data at {path}: expected a file or a folder")
    if path.suffix == ".parquet":
        return ParquetTable(path)
    if path.suffix in MANIFESTS:
        return LineTable(path)
    raise DataError(
        f"{path}: expected a folder or a file that ends in {', '.join(MANIFESTS)}, "
        f"got {path.suffix or 'no suffix'!r}"
    )


def _open_folder(folder: Path) -> Table:
    for name in FOLDER_MANIFESTS:
        if (folder / name).is_file():
            return LineTable(folder / name)
    table = FolderTable(folder)
    if len(table):
        return table
    found = sorted(path.name for path in folder.iterdir() if path.suffix in MANIFESTS)
    hint = f"; name one of its files: {', '.join(found)}" if found else ""
    raise DataError(
        f"{folder}: expected {' or '.join(FOLDER_MANIFESTS)} or picture files in it, "
        f"found neither{hint}"
    )
