"""Rows decoded once and kept in memory, so that an epoch reads no file and decodes nothing.

What several rows share, as questions do the picture they are about, is decoded and kept once.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from sensorium.data.cells import Medium
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.reader import Found, Reader
from sensorium.data.targets import FRAME

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""

Decoded = tuple[Hashable, Tensor | None, Tensor | None]
"""Of a candidate: its key, its value, and of a picture whose frame is asked for the size in its
file; None for what has a place already."""

Places = dict[tuple[str, Hashable], int]
"""Modality and key of a candidate -> where its value is kept."""

SIZE = "size of pictures"
"""The pool of the sizes of files, which lie in it as the pictures in theirs."""

ROWS_THAT_TELL = 16
"""After so many rows, the size of the whole can be guessed from them."""


class Pool:
    """Tensors of one modality or target end to end in one buffer, which worker processes share."""

    def __init__(self) -> None:
        self._buffer = torch.empty(0)
        self._places: list[tuple[int, torch.Size]] = []
        self._used = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def bytes(self) -> int:
        return self._used * self._buffer.itemsize

    def add(self, value: Tensor) -> None:
        """Take in a copy of `value`, of the same type as all before it."""
        if not self._places:
            self._buffer = torch.empty(0, dtype=value.dtype)
        end = self._used + value.numel()
        if end > len(self._buffer):
            self._buffer.resize_(2 * end)
        self._buffer[self._used : end] = value.flatten()
        self._places.append((self._used, value.shape))
        self._used = end

    def __getitem__(self, number: int) -> Tensor:
        start, shape = self._places[number]
        return self._buffer[start : start + shape.numel()].view(shape)


class Cache:
    """The `Store` that holds what a `Reader` gave."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = defaultdict(Pool)
        self._candidates: dict[int, dict[str, list[int]]] = {}
        self._targets: dict[int, dict[str, int]] = {}

    @classmethod
    def fill(
        cls,
        reader: Reader,
        rows: Sequence[int],
        allowed_bytes: int,
        progress: Progress | None = None,
    ) -> tuple[Cache, list[Broken]] | None:
        """Decode all candidates of `rows`, in threads.

        Returns:
            The cache of the rows that could be decoded, and those that could not; None as soon as
            it shows that they do not fit in `allowed_bytes`.
        """
        cache = cls()
        broken: list[Broken] = []
        places: Places = {}
        threads = ThreadPoolExecutor(os.cpu_count())
        try:
            decoded = threads.map(lambda row: _decode(reader, row, places), rows)
            for done, (row, found) in enumerate(zip(rows, decoded, strict=True), start=1):
                if isinstance(found, Broken):
                    broken.append(found)
                else:
                    cache._keep(row, found, places)
                expected = cache.bytes * (len(rows) / done if done >= ROWS_THAT_TELL else 1)
                if cache.bytes > allowed_bytes or expected > 2 * allowed_bytes:
                    return None
                if progress is not None:
                    progress(done, len(rows))
        finally:
            threads.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the rest
        return cache, broken

    @property
    def bytes(self) -> int:
        """Of all that is kept."""
        return sum(pool.bytes for pool in self._pools.values())

    def __contains__(self, row: int) -> bool:
        return row in self._candidates

    def find(self, row: int) -> Found:
        targets = {name: self._pools[name][n] for name, n in self._targets[row].items()}
        return Found(dict(self._candidates[row]), targets)

    def decode(self, modality: str, candidate: Any) -> Tensor:
        return self._pools[modality][candidate]

    def shape(self, modality: str, candidate: Any) -> Sequence[int]:
        return self._pools[modality][candidate].shape

    def picture_size(self, candidate: Any) -> tuple[int, int]:
        height, width = self._pools[SIZE][candidate].tolist()
        return height, width

    def _keep(self, row: int, found: Found, places: Places) -> None:
        """Take in a row whose candidates are decoded."""
        self._candidates[row] = {
            modality: [self._place(modality, decoded, places) for decoded in candidates]
            for modality, candidates in found.candidates.items()
        }
        self._targets[row] = {t: self._add(t, value) for t, value in found.targets.items()}

    def _place(self, modality: str, decoded: Decoded, places: Places) -> int:
        key, value, size = decoded
        place = places.get((modality, key))
        if place is None:
            assert value is not None, "only what has a place is not decoded"
            place = self._add(modality, value)
            if size is not None:
                self._add(SIZE, size)
            if key is not None:
                places[modality, key] = place
        return place

    def _add(self, name: str, value: Tensor) -> int:
        pool = self._pools[name]
        pool.add(value)
        return len(pool) - 1


def _decode(reader: Reader, row: int, places: Places) -> Found | Broken:
    """The row, with the key of each candidate and its value; None for a file that has a place.

    Texts are encoded in any case: it is cheap, and those that are cut are counted there.
    """

    def decoded(modality: str, candidate: Any) -> Decoded:
        key = _key(candidate)
        if isinstance(candidate, Medium) and (modality, key) in places:
            return key, None, None
        value = reader.decode(modality, candidate)
        sized = modality == "image" and FRAME in reader.targets
        return key, value, torch.tensor(reader.picture_size(candidate)) if sized else None

    try:
        found = reader.find(row)
        candidates: dict[str, Sequence[Any]] = {
            modality: [decoded(modality, candidate) for candidate in candidates]
            for modality, candidates in found.candidates.items()
        }
        return Found(candidates, found.targets)
    except BrokenSample as error:
        return Broken(reader.source.id(row), str(error))


def _key(candidate: Any) -> Hashable:
    """Equal for candidates that decode to the same; None for one that is not compared."""
    if isinstance(candidate, str):
        return candidate
    if not isinstance(candidate, Medium):
        return None
    source = candidate.source
    if isinstance(source, bytes):
        source = hashlib.blake2b(source, digest_size=16).digest()
    return source, candidate.start_seconds, candidate.end_seconds
