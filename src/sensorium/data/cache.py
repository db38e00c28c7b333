"""Rows decoded once and kept in memory, so that an epoch reads no file and decodes no picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.reader import Reader

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


class Cache:
    """The `Store` that holds what a `Reader` gave.

    All pictures lie in one tensor and all ids in another, so that worker processes share them
    however they are started.

    Args:
        size: pixels of each side of a picture.
        pictures: how many are expected; more make it grow.
    """

    def __init__(self, size: int, pictures: int) -> None:
        self._pictures = torch.empty(pictures, 3, size, size, dtype=torch.uint8)
        self._picture_count = 0
        self._ids = torch.empty(0, dtype=torch.int64)
        self._texts: list[range] = []
        self._rows: dict[int, dict[str, range]] = {}

    @classmethod
    def fill(
        cls, reader: Reader, rows: Sequence[int], progress: Progress | None = None
    ) -> tuple[Cache, list[Broken]]:
        """Decode all candidates of `rows`, in threads.

        Returns:
            The cache of the rows that could be decoded, and those that could not.
        """
        cache = cls(
            reader.config.image.size, len(rows) * len(reader.source.fields.get("image", []))
        )
        ids: list[Tensor] = []
        broken: list[Broken] = []
        threads = ThreadPoolExecutor(os.cpu_count())
        try:
            decoded = threads.map(lambda row: _decode(reader, row), rows)
            for done, (row, values) in enumerate(zip(rows, decoded, strict=True), start=1):
                if isinstance(values, Broken):
                    broken.append(values)
                else:
                    cache._rows[row] = {
                        modality: cache._keep_pictures(tensors)
                        if modality == "image"
                        else cache._keep_texts(tensors, ids)
                        for modality, tensors in values.items()
                    }
                if progress is not None:
                    progress(done, len(rows))
        finally:
            threads.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the rest
        cache._ids = torch.cat([cache._ids, *ids])
        return cache, broken

    def __contains__(self, row: int) -> bool:
        return row in self._rows

    def candidates(self, row: int) -> dict[str, Sequence[Any]]:
        return dict(self._rows[row])

    def decode(self, modality: str, candidate: Any) -> Tensor:
        if modality == "image":
            return self._pictures[candidate]
        span = self._texts[candidate]
        return self._ids[span.start : span.stop]

    def _keep_pictures(self, pictures: list[Tensor]) -> range:
        kept = range(self._picture_count, self._picture_count + len(pictures))
        if kept.stop > len(self._pictures):
            self._pictures.resize_(2 * kept.stop, *self._pictures.shape[1:])
        for place, picture in zip(kept, pictures, strict=True):
            self._pictures[place] = picture
        self._picture_count = kept.stop
        return kept

    def _keep_texts(self, texts: list[Tensor], ids: list[Tensor]) -> range:
        first = len(self._texts)
        for text in texts:
            start = self._texts[-1].stop if self._texts else 0
            self._texts.append(range(start, start + len(text)))
        ids.extend(texts)
        return range(first, len(self._texts))


def _decode(reader: Reader, row: int) -> dict[str, list[Tensor]] | Broken:
    try:
        return {
            modality: [reader.decode(modality, candidate) for candidate in candidates]
            for modality, candidates in reader.candidates(row).items()
        }
    except BrokenSample as error:
        return Broken(reader.source.id(row), str(error))
