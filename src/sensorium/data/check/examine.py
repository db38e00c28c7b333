"""A row of a source -> what was seen of each of its cells; everything is decoded, and let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sensorium.data.box_cells import holds_boxes
from sensorium.data.cells import Medium, as_medium, as_text, filled
from sensorium.data.check.audio import look_at_audio
from sensorium.data.check.boxes import faulty_boxes, suspicion_of
from sensorium.data.check.image import look_at_image
from sensorium.data.check.look import Look, Suspicion
from sensorium.data.check.text import look_at_text
from sensorium.data.check.video import look_at_video
from sensorium.data.image import image_size
from sensorium.data.modalities import MODALITIES, Image, MediumModality
from sensorium.data.places import lenient
from sensorium.data.quarantine import BrokenSample
from sensorium.data.reader import TargetReader
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source
from sensorium.data.targets import Target

LABEL_CHARACTERS = 64
"""A cell of more is no label."""

NO_LABELS = ("id", "width", "height")
"""Columns that hold none, though their cells may look like it."""

LOOKS: Mapping[str, Callable[[Medium, DataConfig], Look]] = {
    "image": look_at_image,
    "audio": look_at_audio,
    "video": look_at_video,
}
"""Modality -> what looks at its files; texts are in no file."""

EMPTY_CAPTION = Suspicion("empty caption", "nothing, or nothing but spaces")


@dataclass(frozen=True)
class Seen:
    """A look, the column of the cell, and its modality."""

    column: str
    modality: str
    look: Look


@dataclass
class Examined:
    """One row after all of it was decoded.

    Attributes:
        row: its number in the source.
        seen: of every cell of every modality, and of every other column that holds text.
        broken: why the row cannot be used, as the quarantine would say; empty for a good one.
        suspicions: with the column of each.
        labels: column -> its cell where that may be a label, or several of known classes.
        file: the name of its first file, as the cell has it.
    """

    row: int
    seen: list[Seen] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    suspicions: list[tuple[str, Suspicion]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    file: str | None = None


class Examiner:
    """Looks at the rows of one source.

    Args:
        config: how files are decoded.
        required: modalities without which a row is broken.
        targets: what a recipe learns, by name. Without any, boxes are told by their look.
    """

    def __init__(
        self,
        source: Source,
        config: DataConfig,
        required: Sequence[str] = (),
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        self.source = source
        self._required = required
        self.config = config
        self._targets = TargetReader(source, lenient(config, source), targets) if targets else None
        self._files = {
            column
            for name, columns in source.fields.items()
            if name != "text"
            for column in columns
        }
        captions = source.fields.get("text", [])
        self._others = [
            column
            for column in source.columns
            if column not in self._files and column not in captions
        ]

    def __call__(self, row: int) -> Examined:
        """Decode everything in a row; whatever is wrong with it is in what is returned."""
        try:
            read = self.source.row(row)
        except BrokenSample as error:
            return Examined(row, broken=[str(error)])
        examined = Examined(row, labels=self._labels(read))
        for modality, columns in self.source.fields.items():
            before = len(examined.seen) + len(examined.broken)
            for column in columns:
                self._look_at_cell(examined, read, column, modality)
            empty = before == len(examined.seen) + len(examined.broken)
            if empty and modality in self._required:
                listed = ", ".join(repr(column) for column in columns)
                examined.broken.append(f"no {modality}: nothing in {listed}")
            elif modality == "text" and any(_is_blank(read.values.get(c)) for c in columns):
                examined.suspicions.append((columns[0], EMPTY_CAPTION))
        for column in self._others:
            if _holds_text(read.values.get(column)):
                self._look_at_cell(examined, read, column, "text")
        self._look_at_targets(examined, read)
        return examined

    def _look_at_targets(self, examined: Examined, row: Row) -> None:
        if self._targets is None:
            for column in self._others:
                cell = row.values.get(column)
                if holds_boxes(cell):
                    size = self._picture_size(row)
                    for why in faulty_boxes(
                        cell if isinstance(cell, list) else [cell], self.config.boxes, size
                    ):
                        examined.suspicions.append((column, suspicion_of(why)))
            return
        flaws: list[str] = []
        try:
            found = self._targets.targets_in(row, flaws)
        except BrokenSample as error:
            examined.broken.append(str(error))
            return
        if {"boxes", "box"} & found.keys() and (size := self._picture_size(row)) is not None:
            targets = self._targets.targets
            flaws += [why for name, of in found.items() for why in targets[name].outside(of, *size)]
        examined.suspicions += [("boxes", suspicion_of(why)) for why in flaws]

    def _picture_size(self, row: Row) -> tuple[int, int] | None:
        """Height and width of the row's picture as it is seen upright; None without a good one."""
        columns = self.source.fields.get("image", [])
        for cell in (cell for column in columns for cell in filled(row.values.get(column))):
            with suppress(BrokenSample):  # named where it is looked at
                medium = as_medium(cell, row.folder, Image.noun)
                return image_size(medium.content, self.config.image)
        return None

    def _look_at_cell(self, examined: Examined, row: Row, column: str, modality: str) -> None:
        for cell in filled(row.values.get(column)):
            if modality != "text" and examined.file is None:
                examined.file = _file_name(cell)
            try:
                look = self._look(modality, cell, row)
            except BrokenSample as error:
                examined.broken.append(str(error))
                continue
            self._keep(examined, Seen(column, modality, look))
            if look.file is not None and look.file.has_sound and "audio" not in self.source.fields:
                self._listen(examined, row, column, cell)

    def _listen(self, examined: Examined, row: Row, column: str, cell: Any) -> None:
        """Look at the sound track of a video, where training does not hear it: it breaks no row."""
        try:
            self._keep(examined, Seen(column, "audio", self._look("audio", cell, row)))
        except BrokenSample as error:
            examined.suspicions.append((column, Suspicion("sound track", str(error))))

    def _keep(self, examined: Examined, seen: Seen) -> None:
        examined.seen.append(seen)
        examined.suspicions += [(seen.column, one) for one in seen.look.suspicions]

    def _look(self, modality: str, cell: Any, row: Row) -> Look:
        if modality == "text":
            return look_at_text(as_text(cell))
        kind = MODALITIES[modality]
        assert issubclass(kind, MediumModality), "text is the one modality that is in no file"
        medium = as_medium(cell, row.folder, kind.noun)
        try:
            return LOOKS[modality](medium, self.config)
        except BrokenSample as error:
            raise BrokenSample(f"{medium.name}: {error}") from error
        except Exception as error:  # a check that a file can end is none
            name = type(error).__name__
            raise BrokenSample(f"{medium.name}: {name} while it was decoded ({error})") from error

    def _labels(self, row: Row) -> dict[str, list[str]]:
        found = {}
        for column, cell in row.values.items():
            names = self.source.classes.get(column)
            if names is not None:
                numbers = cell if isinstance(cell, list) else [cell]
                found[column] = [
                    names[n] if isinstance(n, int) and 0 <= n < len(names) else f"unknown {n!r}"
                    for n in numbers
                ]
            elif _may_be_label(cell) and column not in self._files and column not in NO_LABELS:
                found[column] = [str(cell).strip()]
        return found


def _may_be_label(cell: Any) -> bool:
    return isinstance(cell, str | int) and 0 < len(str(cell).strip()) <= LABEL_CHARACTERS


def _file_name(cell: Any) -> str | None:
    name = cell.get("path") if isinstance(cell, dict) else cell
    return name if isinstance(name, str) else None


def _is_blank(cell: Any) -> bool:
    """Whether there is a text, or one of several, with nothing in it. None is no text at all."""
    if isinstance(cell, list):
        return any(map(_is_blank, cell))
    return isinstance(cell, str) and not cell.strip()


def _holds_text(cell: Any) -> bool:
    return isinstance(cell, str) or (
        isinstance(cell, list) and bool(cell) and all(isinstance(one, str) for one in cell)
    )
