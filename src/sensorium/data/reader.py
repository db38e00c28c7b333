"""Rows of a source -> tensors, from the files, each time anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from torch import Tensor

from sensorium.data.cells import as_text, filled
from sensorium.data.modalities import Modality
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source
from sensorium.data.streams import StreamSource
from sensorium.errors import DataError


class Store(Protocol):
    """What gives the values of rows: a `Reader`, from files, or a `Cache`, from memory."""

    def candidates(self, row: int) -> dict[str, Sequence[Any]]:
        """Modality -> what could be its value, at least one; a modality the row lacks has no key.

        Raises:
            BrokenSample: the row lacks a modality that is required.
        """
        ...

    def decode(self, modality: str, candidate: Any) -> Tensor:
        """The value of one candidate, as `Modality.decode` gives it.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        ...

    def shape(self, modality: str, candidate: Any) -> Sequence[int]:
        """The shape of that value, about: `Modality.shape`.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        ...


class RowReader:
    """What reads the cells of rows and decodes them.

    Args:
        source: the set that the rows are of.

    Raises:
        DataError: a required modality has no column.
    """

    def __init__(
        self,
        source: Source | StreamSource,
        config: DataConfig,
        modalities: Mapping[str, Modality],
    ) -> None:
        self.fields = source.fields
        self.called = source.called
        self.modalities = modalities
        expected = [name for name in source.fields if name not in source.optional]
        self._required = expected if config.required is None else config.required
        for modality in self._required:
            if modality not in self.fields:
                raise DataError(
                    f"data.required asks for {modality}, but {source.name} has no column for it; "
                    f"say it as data.fields.{modality}=COLUMN"
                )

    def candidates_of(self, read: Row) -> dict[str, Sequence[Any]]:
        """As `Store.candidates`."""
        found: dict[str, Sequence[Any]] = {}
        for modality, columns in self.fields.items():
            cells = [cell for column in columns for cell in filled(read.values.get(column))]
            if cells:
                read_cell = self.modalities[modality].read
                found[modality] = [read_cell(cell, read.folder) for cell in cells]
            elif modality in self._required:
                raise BrokenSample(f"no {modality}: {_named(columns)} empty")
        return found

    def decode(self, modality: str, candidate: Any) -> Tensor:
        """As `Store.decode`."""
        return self.modalities[modality].decode(candidate)

    def shape(self, modality: str, candidate: Any) -> Sequence[int]:
        return self.modalities[modality].shape(candidate)


class Reader(RowReader):
    """The `Store` that reads files."""

    def __init__(
        self, source: Source, config: DataConfig, modalities: Mapping[str, Modality]
    ) -> None:
        super().__init__(source, config, modalities)
        self.source = source

    def candidates(self, row: int) -> dict[str, Sequence[Any]]:
        return self.candidates_of(self.source.row(row))


def texts(source: Source, rows: Iterable[int]) -> Iterator[str]:
    """Every text of the rows, of all mapped columns; those that are broken are left out."""
    for row in rows:
        try:
            yield from texts_of(source.row(row), source.fields)
        except BrokenSample:
            continue  # named where the row is decoded


def texts_of(row: Row, fields: Mapping[str, list[str]]) -> Iterator[str]:
    """Every text of a row; those that are broken are left out."""
    for column in fields.get("text", []):
        for cell in filled(row.values.get(column)):
            with suppress(BrokenSample):  # named where the row is decoded
                yield as_text(cell)


def _named(columns: list[str]) -> str:
    listed = ", ".join(repr(column) for column in columns)
    return f"column {listed} is" if len(columns) == 1 else f"columns {listed} are all"
