"""Rows of Parquet files, read by row group when they are reached."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sensorium.data.files import Location
from sensorium.data.quarantine import Broken
from sensorium.data.tables import Cells, Entry, file_fingerprint, names_fingerprint
from sensorium.errors import DataError

KEPT_BYTES = 1_000_000_000
"""What the row groups of one set may take in memory. A set that is larger is read over and over
where its rows are asked for in a random order, and had better be streamed."""


class ParquetTable:
    """A Parquet file; Hugging Face `Image` cells come as they are, {"bytes": ..., "path": ...}.

    Args:
        file: where it lies.
        kept_bytes: row groups stay in memory, as Arrow and not as Python objects, up to this much.

    Raises:
        DataError: the file is not Parquet.
    """

    def __init__(self, file: Location, kept_bytes: int = KEPT_BYTES) -> None:
        self.file = file
        self.kept_bytes = kept_bytes
        self.name = file.name
        self.folder = file.parent
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        self._open()
        self.columns: list[str] = self._file.schema_arrow.names
        self.classes = _classes(self._file.schema_arrow)
        self._starts = np.concatenate([[0], np.cumsum(_sizes(self._file))]).astype(np.int64)

    def _open(self) -> None:
        self._file = _opened(self.file)
        self._groups: OrderedDict[int, Any] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """An open file does not travel to a worker process: it opens its own."""
        state = dict(self.__dict__)
        for name in ("_file", "_groups", "_lock"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def id(self, row: int) -> str:
        return f"{self.name}:{row}"

    def cells(self, row: int) -> Cells:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        with self._lock:  # Arrow's reader is not safe in several threads
            table = self._group(group)
        return table.slice(row - int(self._starts[group]), 1).to_pylist()[0]

    def fingerprint(self) -> str:
        return file_fingerprint(self.file)

    def _group(self, group: int) -> Any:
        if group not in self._groups:
            try:
                self._groups[group] = self._file.read_row_group(group)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{self.file} is damaged in row group {group}: {error}") from error
            while len(self._groups) > 1 and self._kept_bytes() > self.kept_bytes:
                self._groups.popitem(last=False)
        self._groups.move_to_end(group)
        return self._groups[group]

    def _kept_bytes(self) -> int:
        return sum(table.nbytes for table in self._groups.values())


class ParquetStream:
    """Parquet files read from begin to end; each row group is a shard."""

    def __init__(self, name: str, files: Sequence[Location]) -> None:
        self.name = name
        self.files = files
        opened = [_opened(file) for file in files]
        sizes = [_sizes(one) for one in opened]
        self._places = [
            (n, group) for n, groups in enumerate(sizes) for group in range(len(groups))
        ]
        self._firsts = [first for groups in sizes for first in np.cumsum([0, *groups])[:-1]]
        self.shards = len(self._places)
        self.rows: int | None = sum(one.metadata.num_rows for one in opened)
        self.classes = _classes(opened[0].schema_arrow)

    def folder(self, shard: int) -> Location:
        return self.files[self._places[shard][0]].parent

    def read(self, shard: int, start: int, step: int) -> Iterator[Entry]:
        number, group = self._places[shard]
        file, first = self.files[number], int(self._firsts[shard])
        try:
            table = _opened(file).read_row_group(group)
        except (pa.ArrowException, OSError) as error:
            yield Broken(f"{file.name}, row group {group}", f"damaged: {error}")
            return
        for row in range(start, len(table), step):
            yield f"{file.name}:{first + row}", table.slice(row, 1).to_pylist()[0]

    def fingerprint(self) -> str:
        return names_fingerprint(self.files)


def _opened(file: Location) -> Any:
    try:
        return pq.ParquetFile(file if isinstance(file, Path) else file.open())
    except pa.ArrowException as error:
        raise DataError(f"{file} is not a Parquet file: {error}") from error


def _sizes(file: Any) -> list[int]:
    """Rows of each row group."""
    metadata = file.metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def _classes(schema: Any) -> dict[str, list[str]]:
    """What the Hugging Face library wrote about columns of class numbers."""
    said = (schema.metadata or {}).get(b"huggingface")
    features = json.loads(said).get("info", {}).get("features", {}) if said else {}
    found = {name: _of_class(feature) for name, feature in features.items()}
    return {name: list(feature["names"]) for name, feature in found.items() if feature}


def _of_class(feature: Any) -> dict[str, Any] | None:
    """What is written of a class, or of the classes in a list; None for anything else."""
    if isinstance(feature, list) and len(feature) == 1:  # how older versions write lists
        return _of_class(feature[0])
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        return feature
    return _of_class(feature.get("feature"))
