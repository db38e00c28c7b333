"""Tables: numbered rows with named columns, whatever the files are that they lie in.

A table knows nothing of modalities: it gives the cells of a row by column name, and an id by
which a person finds the row again. A format is a class beside: `lines.py`, `parquet.py`, `tar.py`,
`coco.py`, `hub.py`; folders of pictures are here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sensorium.data.files import Location, size_of
from sensorium.data.kinds import kind_of_name
from sensorium.data.quarantine import Broken
from sensorium.errors import DataError

Cells = dict[str, Any]

Entry = tuple[str, Cells] | Broken
"""What a file gives when it is read from its begin to its end: a row with its id, or why none."""


class Table(Protocol):
    """Rows with named columns.

    Attributes:
        name: what a person calls it, and what its ids begin with, as in `train.jsonl`.
        folder: what paths in its cells are relative to.
        columns: every column that any row has, as far as opening the table shows.
        classes: column of whole numbers -> the name of each number, where the format says them.
        broken: rows that could not be read at all; they are not counted in `len`.
        flaws: what is wrong inside rows that can be read, as a box without area.
    """

    name: str
    folder: Location
    columns: list[str]
    classes: dict[str, list[str]]
    broken: list[Broken]
    flaws: list[Broken]

    def __len__(self) -> int: ...

    def id(self, row: int) -> str: ...

    def cells(self, row: int) -> Cells:
        """The row.

        Raises:
            BrokenSample: it cannot be read now.
        """
        ...

    def fingerprint(self) -> str:
        """A hexadecimal SHA-256 that changes when the rows do."""
        ...


class FolderTable:
    """Every picture under a folder, with the text of the `.txt` file of the same stem beside it.

    Or every sound, where the folder holds more of these. The columns are `file_name` and, where any
    such file is there, `text`. Hidden files are left out.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self.folder: Location = folder
        self._folder = folder
        self.classes: dict[str, list[str]] = {}
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        kinds = {
            path.relative_to(folder).as_posix(): kind
            for path in sorted(folder.rglob("*"))
            if (kind := kind_of_name(path.name))
            and not path.name.startswith(".")
            and path.is_file()
        }
        commonest = Counter(kinds.values()).most_common(1)
        self._files = sorted(name for name, kind in kinds.items() if kind == commonest[0][0])
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
            for path in (self._folder / name, self._caption(name)):
                size = path.stat().st_size if path.is_file() else -1
                digest.update(f"{name}\0{size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _caption(self, name: str) -> Path:
        return (self._folder / name).with_suffix(".txt")


class JoinedTable:
    """Several files of one format as one table, the rows of each after those of the one before.

    Args:
        name: what a person calls them together, as in `train-{000..012}.tar`.

    Raises:
        DataError: two files have the same name, or lie in different folders: their rows could
            not be told apart, or what they name could not be found.
    """

    def __init__(self, name: str, tables: Sequence[Table]) -> None:
        if len({table.name for table in tables}) < len(tables):
            raise DataError(f"{name}: two of its files have one name; give them as two sources")
        if len({table.folder for table in tables}) > 1:
            raise DataError(f"{name}: expected files of one folder; give each folder as a source")
        self.name = name
        self.tables = [table for table in tables if len(table)] or list(tables[:1])
        self.folder = tables[0].folder
        self.columns = list(dict.fromkeys(name for table in tables for name in table.columns))
        self.classes = {name: names for table in tables for name, names in table.classes.items()}
        self.broken = [one for table in tables for one in table.broken]
        self.flaws = [one for table in tables for one in table.flaws]
        self._starts = np.cumsum([0, *map(len, self.tables)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def id(self, row: int) -> str:
        table, row = self._find(row)
        return table.id(row)

    def cells(self, row: int) -> Cells:
        table, row = self._find(row)
        return table.cells(row)

    def fingerprint(self) -> str:
        marks = "".join(table.fingerprint() for table in self.tables)
        return hashlib.sha256(marks.encode()).hexdigest()

    def _find(self, row: int) -> tuple[Table, int]:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self.tables[number], row - int(self._starts[number])


def file_fingerprint(file: Location) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def names_fingerprint(files: Sequence[Location]) -> str:
    """Hexadecimal SHA-256 of the names and sizes of files too large to be read for it."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{size_of(file)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
