"""The rows of a stream, epoch after epoch, shuffled window by window.

The shards of an epoch come in an order drawn by (seed, epoch). A window is as many consecutive
rows as fit in it, permuted by (seed, epoch, where it begins). So a place in the stream is where its
window begins and how many of it were taken: four numbers, from which the rest follows, bit for bit.

Ranks and workers are lanes. Each reads shards of its own, or, where there are fewer shards than
lanes, rows of its own of every shard: in an epoch each row is in one lane, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sensorium.data.quarantine import Broken
from sensorium.data.sources import Row
from sensorium.data.streams import StreamSource
from sensorium.errors import DataError

WINDOW_BYTES = 256_000_000
"""A window ends early where the files in its rows are more than this in memory."""


@dataclass(frozen=True)
class Cursor:
    """A place in the rows of a lane.

    Attributes:
        epoch: of this lane.
        shard: place of a shard in the lane's order of the epoch.
        row: of the lane's rows in that shard; with `shard`, where the window begins.
        taken: how many of the window were given out.
    """

    epoch: int = 0
    shard: int = 0
    row: int = 0
    taken: int = 0


class Windows:
    """One lane of a stream.

    Args:
        lane, lanes: which of how many.
        window_rows: of a window.
        cursor: where to begin.

    Attributes:
        cursor: the place after the row that was given out last.
    """

    def __init__(
        self,
        source: StreamSource,
        *,
        seed: int,
        lane: int,
        lanes: int,
        window_rows: int,
        cursor: Cursor,
    ) -> None:
        self.source = source
        self.seed = seed
        self.window_rows = window_rows
        self.cursor = cursor
        self._lane, self._lanes = lane, lanes
        self._by_shard = source.shards >= lanes

    def __iter__(self) -> Iterator[Row | Broken]:
        """Without end.

        Raises:
            DataError: an epoch holds no row for this lane.
        """
        while True:
            epoch, empty = self.cursor.epoch, self.cursor == Cursor(self.cursor.epoch)
            for begin, window, after in self._windows(self.cursor):
                order = np.random.default_rng(
                    [self.seed, epoch, begin.shard, begin.row]
                ).permutation(len(window))
                for taken in range(begin.taken, len(window)):
                    empty = False
                    self.cursor = replace(begin, taken=taken + 1)
                    yield window[order[taken]]
                self.cursor = after
            if empty:
                raise DataError(
                    f"{self.source.name}: too few rows for {self._lanes} lanes of processes and "
                    "data.workers; use fewer, or do not stream it"
                )
            self.cursor = Cursor(epoch + 1)

    def _windows(self, cursor: Cursor) -> Iterator[tuple[Cursor, list[Row | Broken], Cursor]]:
        """The windows of the rest of an epoch: where each begins, its rows, where the next does."""
        begin, window, held_bytes = cursor, list[Row | Broken](), 0
        shards = self._shards(cursor.epoch)
        for place in range(cursor.shard, len(shards)):
            row = cursor.row if place == cursor.shard else 0
            for entry in self._read(int(shards[place]), row):
                row += 1
                window.append(entry)
                held_bytes += _bytes_in(entry)
                if len(window) == self.window_rows or held_bytes > WINDOW_BYTES:
                    after = Cursor(cursor.epoch, place, row)
                    yield begin, window, after
                    begin, window, held_bytes = after, [], 0
        if window:
            yield begin, window, Cursor(cursor.epoch, len(shards))

    def _shards(self, epoch: int) -> np.ndarray:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.source.shards)
        return order[self._lane :: self._lanes] if self._by_shard else order

    def _read(self, shard: int, row: int) -> Iterator[Row | Broken]:
        if self._by_shard:
            return self.source.read(shard, row)
        return self.source.read(shard, self._lane + row * self._lanes, self._lanes)


def _bytes_in(entry: Row | Broken) -> int:
    """Of the files that the row holds."""
    if isinstance(entry, Broken):
        return 0
    cells = (
        cell.get("bytes") if isinstance(cell, dict) else cell for cell in entry.values.values()
    )
    return sum(len(cell) for cell in cells if isinstance(cell, bytes))
