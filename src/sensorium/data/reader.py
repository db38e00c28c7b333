"""Rows of a source -> tensors, from the files, each time anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from sensorium.data.cells import as_text, filled
from sensorium.data.columns import PLACES
from sensorium.data.modalities import Image, Modality
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source
from sensorium.data.streams import StreamSource
from sensorium.data.target_cells import target_cells
from sensorium.data.targets import Target
from sensorium.errors import DataError


@dataclass(frozen=True)
class Found:
    """What is in a row.

    Attributes:
        candidates: modality -> what could be its value, at least one; a modality that the row
            lacks has no key.
        targets: every target of the run; one that the row lacks has its value for that.
        flaws: what is wrong in it, in words, though it can be used.
    """

    candidates: dict[str, Sequence[Any]]
    targets: dict[str, Tensor]
    flaws: Sequence[str] = ()


class Decoder(Protocol):
    """What gives the values of candidates."""

    def decode(self, modality: str, candidate: Any) -> Tensor:
        """The value of one candidate, as `Modality.decode` gives it.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        ...

    def picture_size(self, candidate: Any) -> tuple[int, int]:
        """Height and width of a picture in its file; asked only where `frame` is a target.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        ...


class Store(Decoder, Protocol):
    """What gives the values of rows: a `Reader`, from files, or a `Cache`, from memory."""

    def find(self, row: int) -> Found:
        """What is in a row; no file is opened.

        Raises:
            BrokenSample: the row lacks what is required, or has a target that there is not.
        """
        ...

    def shape(self, modality: str, candidate: Any) -> Sequence[int]:
        """The shape of a value, about: `Modality.shape`.

        Raises:
            BrokenSample: the candidate cannot be decoded.
        """
        ...


class TargetReader:
    """What reads the targets of rows.

    Args:
        source: the set that the rows are of.
        config: says which are required.
        targets: every target of the run, whether the set has it or not.
    """

    def __init__(
        self, source: Source | StreamSource, config: DataConfig, targets: Mapping[str, Target]
    ) -> None:
        self.targets = targets
        self._target_columns = source.targets
        self._classes = source.classes
        needed = {target.field for target in targets.values() if target.required}
        expected = [field for field in source.targets if field in needed]
        self._required = expected if config.required is None else config.required

    def targets_in(self, read: Row, flaws: list[str]) -> dict[str, Tensor]:
        """Every target of a row; what is wrong in those that can be used is added to `flaws`.

        Raises:
            BrokenSample: one cannot be used, or is required and not there.
        """
        found = {}
        for name, target in self.targets.items():
            columns = self._target_columns.get(target.field, [])
            try:
                whole = target.field in PLACES
                cells = target_cells(read.values, columns, self._classes, whole)
                value = None if cells is None else target.read(cells)
                flaws += [] if cells is None else target.flaws(cells)
            except BrokenSample as error:
                raise BrokenSample(f"{target.field}: {error}") from error
            if value is None and target.field in self._required:
                raise BrokenSample(f"no {target.field}: {_named(columns)} empty")
            found[name] = target.absent if value is None else value
        return found


class RowReader(TargetReader):
    """What reads the cells of rows and decodes them.

    Args:
        source: the set that the rows are of.
        targets: every target of the run, whether the set has it or not.

    Raises:
        DataError: a required modality or target has no column.
    """

    def __init__(
        self,
        source: Source | StreamSource,
        config: DataConfig,
        modalities: Mapping[str, Modality],
        targets: Mapping[str, Target],
    ) -> None:
        super().__init__(source, config, targets)
        self.fields = source.fields
        self.called = source.called
        self.modalities = modalities
        if config.required is None:
            optional = source.optional
            self._required = [n for n in source.fields if n not in optional] + self._required
        for name in self._required:
            if name not in self.fields and name not in source.targets:
                raise DataError(
                    f"data.required asks for {name}, but {source.name} has no column for it; "
                    f"say it as data.fields.{name}=COLUMN"
                )

    def find_in(self, read: Row) -> Found:
        """As `Store.find`."""
        flaws: list[str] = []
        return Found(self._candidates(read), self.targets_in(read, flaws), flaws)

    def _candidates(self, read: Row) -> dict[str, Sequence[Any]]:
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

    def picture_size(self, candidate: Any) -> tuple[int, int]:
        """As `Store.picture_size`."""
        image = self.modalities["image"]
        assert isinstance(image, Image), "a modality is what its name says"
        return image.size(candidate)


class Reader(RowReader):
    """The `Store` that reads files."""

    def __init__(
        self,
        source: Source,
        config: DataConfig,
        modalities: Mapping[str, Modality],
        targets: Mapping[str, Target],
    ) -> None:
        super().__init__(source, config, modalities, targets)
        self.source = source

    def find(self, row: int) -> Found:
        return self.find_in(self.source.row(row))


def texts(source: Source, rows: Iterable[int]) -> Iterator[str]:
    """Every text of the rows, of all columns mapped to text or to answers; those that are broken
    are left out."""
    for row in rows:
        try:
            yield from texts_of(source.row(row), source)
        except BrokenSample:
            continue  # named where the row is decoded


def texts_of(row: Row, source: Source | StreamSource) -> Iterator[str]:
    """Every text of a row, answers too; those that are broken are left out."""
    for column in [*source.fields.get("text", []), *source.targets.get("answer", [])]:
        for cell in filled(row.values.get(column)):
            with suppress(BrokenSample):  # named where the row is decoded
                yield as_text(cell)


def _named(columns: list[str]) -> str:
    listed = ", ".join(repr(column) for column in columns)
    return f"column {listed} is" if len(columns) == 1 else f"columns {listed} are all"
