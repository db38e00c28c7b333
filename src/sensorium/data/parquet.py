"""Rows of a Parquet file, read by row group when they are reached."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sensorium.data.quarantine import Broken
from sensorium.data.tables import Cells, file_fingerprint
from sensorium.errors import DataError

KEPT_BYTES = 1_000_000_000
"""Row groups stay in memory, as Arrow and not as Python objects, up to this much in all."""


class ParquetTable:
    """A Parquet file; Hugging Face `Image` cells come as they are, {"bytes": ..., "path": ...}.

    Raises:
        DataError: the file is not Parquet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.folder = path.parent
        self.broken: list[Broken] = []
        self._open()
        self.columns: list[str] = self._file.schema_arrow.names
        metadata = self._file.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def _open(self) -> None:
        try:
            self._file = pq.ParquetFile(self.path)
        except pa.ArrowException as error:
            raise DataError(f"{self.path} is not a Parquet file: {error}") from error
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
        return file_fingerprint(self.path)

    def _group(self, group: int) -> Any:
        if group not in self._groups:
            try:
                self._groups[group] = self._file.read_row_group(group)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{self.path} is damaged in row group {group}: {error}") from error
            while len(self._groups) > 1 and self._kept_bytes() > KEPT_BYTES:
                self._groups.popitem(last=False)
        self._groups.move_to_end(group)
        return self._groups[group]

    def _kept_bytes(self) -> int:
        return sum(table.nbytes for table in self._groups.values())
