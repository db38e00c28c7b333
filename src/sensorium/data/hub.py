"""Data sets of the Hugging Face Hub by name, and folders that `datasets` wrote, by its own library.

Rows are taken as Arrow has them: pictures and sounds stay the files that they are, {"bytes":
..., "path": ...}, and are decoded by us.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from sensorium.data.files import Location
from sensorium.data.quarantine import Broken
from sensorium.data.tables import Cells, Entry
from sensorium.errors import DataError, MissingDependencyError

PREFIX = "hf:"
"""What the path of a data set of the Hub begins with, as in `hf:owner/name`."""

ROWS_AT_A_TIME = 64
"""Of a stream, as Arrow."""

SAVED_FILES = ("dataset_dict.json", "state.json")
"""A folder with one of these was written by `save_to_disk`."""


def is_hub(path: str) -> bool:
    """Whether the path names a set of the Hub."""
    return path.startswith(PREFIX)


def is_saved(folder: Location) -> bool:
    """Whether `datasets` wrote the folder."""
    return isinstance(folder, Path) and any((folder / name).is_file() for name in SAVED_FILES)


class HubTable:
    """A set on this machine, downloaded first where it is not there yet.

    Args:
        path: `hf:owner/name`, or a folder that `save_to_disk` wrote.
        subset: which of the set's configurations.
        split: which of its splits; None takes the only one.
    """

    def __init__(self, path: str, subset: str | None, split: str | None) -> None:
        if is_hub(path):
            found = _load(path, subset, split, stream=False)
        else:
            found = _only_split(path, _library().load_from_disk(path), split)
        self.name = _name(path, split)
        self.folder: Location = Path(path.removeprefix(PREFIX))
        self.columns = list(found.column_names)
        self.classes = _classes(found)
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        self._rows = found.with_format("arrow")

    def __len__(self) -> int:
        return len(self._rows)

    def id(self, row: int) -> str:
        return f"{self.name}:{row}"

    def cells(self, row: int) -> Cells:
        return self._rows[row : row + 1].to_pylist()[0]

    def fingerprint(self) -> str:
        return hashlib.sha256(self._rows._fingerprint.encode()).hexdigest()


class HubStream:
    """A set read from the Hub as it comes, never stored."""

    def __init__(self, path: str, subset: str | None, split: str | None) -> None:
        self.name = _name(path, split)
        self.path = path
        self._rows = _load(path, subset, split, stream=True).with_format("arrow")
        self.shards: int = self._rows.num_shards
        self.classes = _classes(self._rows)
        sizes = self._rows.info.splits or {}
        self.rows: int | None = sizes[split].num_examples if split in sizes else None

    def folder(self, shard: int) -> Location:
        return Path(self.path.removeprefix(PREFIX))

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        rows = self._rows.shard(num_shards=self.shards, index=shard).skip(start)
        # Iterated plainly, in a worker process of torch it would leave out what it takes for the
        # share of other workers.
        tables = rows.iter(batch_size=ROWS_AT_A_TIME)
        singles = (table.slice(row, 1) for table in tables for row in range(len(table)))
        for number, single in enumerate(islice(singles, 0, None, step)):
            yield f"{self.name}:{shard}/{start + number * step}", single.to_pylist()[0]

    def fingerprint(self) -> str:
        version = str(self._rows.info.download_checksums or self._rows.info.version)
        told = f"{self.name} {self.shards} {self.rows} {version}"
        return hashlib.sha256(told.encode()).hexdigest()


def _library() -> Any:
    try:
        return import_module("datasets")
    except ImportError as error:
        raise MissingDependencyError(
            "data sets of the Hugging Face Hub, and folders written by save_to_disk, are read by "
            "the package datasets, which is not installed; install it by: "
            "pip install 'sensorium[hub]'"
        ) from error


def _load(path: str, subset: str | None, split: str | None, *, stream: bool) -> Any:
    library = _library()
    name = path.removeprefix(PREFIX)
    try:
        found = library.load_dataset(name, subset, split=split, streaming=stream)
    except Exception as error:  # the library raises nearly anything
        raise DataError(f"{path} cannot be opened: {_first_line(error)}") from error
    return _only_split(path, found, split)


def _only_split(path: str, found: Any, split: str | None) -> Any:
    """The set itself where `found` is a dictionary of splits."""
    if not isinstance(found, dict):
        return found
    chosen = next(iter(found)) if split is None and len(found) == 1 else split
    if chosen not in found:
        asked = "none was asked for" if split is None else f"got {split!r}"
        raise DataError(
            f"{path}: expected a split of {', '.join(found)}, {asked}; say it as split=..."
        )
    return found[chosen]


def _classes(found: Any) -> dict[str, list[str]]:
    """Names of the numbers in a column, or in the lists of a column."""
    features = {name: getattr(of, "feature", of) for name, of in (found.features or {}).items()}
    return {
        name: list(feature.names)
        for name, feature in features.items()
        if type(feature).__name__ == "ClassLabel"
    }


def _name(path: str, split: str | None) -> str:
    name = path.rstrip("/").rpartition("/")[2].removeprefix(PREFIX)
    return name if split is None else f"{name}/{split}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
