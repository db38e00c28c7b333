"""A file or folder of any known format, opened as rows whose columns are mapped to modalities."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from sensorium.config import Config
from sensorium.data import lines
from sensorium.data.clips import ClipTable, open_clips, videos_below
from sensorium.data.coco import CocoTable
from sensorium.data.columns import ROWS_LOOKED_AT, Fields, known_fields, map_columns, require_name
from sensorium.data.each import EachTable
from sensorium.data.files import Location, Remote
from sensorium.data.hub import HubTable, is_hub, is_saved
from sensorium.data.lines import LineTable
from sensorium.data.parquet import KEPT_BYTES, ParquetTable
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.data.tables import Cells, FolderTable, JoinedTable, Table
from sensorium.data.tar import TarTable
from sensorium.data.video import SUFFIXES as VIDEO_SUFFIXES
from sensorium.errors import DataError

MANIFESTS = (*lines.SUFFIXES, ".parquet", ".tar", ".json")
FOLDER_MANIFESTS = ("metadata.jsonl", "metadata.csv")
"""In a folder, the Hugging Face imagefolder form."""


class SourceConfig(Config):
    """Where a set lies; in a recipe the plain path does as well."""

    path: str
    """A .jsonl, .csv, .tsv, .parquet, WebDataset .tar or COCO .json file, a pattern of several
    (`train-{000..012}.tar`, `part-*.parquet`), a folder with metadata.jsonl or .csv, a
    folder of pictures or sounds, one of `datasets`, `hf:owner/name`; here or at a URL that fsspec
    reads. A video file, or a folder of videos with subtitles in or beside them."""
    config: str | None = None
    """Which configuration of a Hugging Face set."""
    split: str | None = None
    """Which split of a Hugging Face set; by default the one named as the key is, train, validation
    or test."""
    folder: str | None = None
    """Folder that file names in the cells start from; by default that of the manifest."""
    fields: dict[str, str | list[str]] | None = None
    """Modality or target -> column or columns, of this set; what is not said here is as in
    `data.fields`."""
    each: str | None = None
    """A column of lists, each item of which is a row of its own: `each: questions` makes a row of
    every question about a picture, the keys of the question beside the columns of the picture."""
    name: str | None = Field(default=None, min_length=1)
    """By which `sources` of a task names this set; in a list all have names or none."""
    weight: float = Field(default=1.0, gt=0)
    """How often rows of this set are drawn, in proportion to the others of a list."""
    group_by: str | None = Field(default=None, min_length=1)
    """Column whose equal cells make a group, as the picture that several questions are about. In
    training the rows of a group come one after the other, so that what they share is decoded and
    encoded once; `validation_share` holds out whole groups. Not for contrast, which would take the
    rows of one group for different things."""
    stream: bool = False
    """Read row after row and never number them, for sets too large for that; `train` only. In a
    list with one such set all are read so."""
    window_rows: int = Field(default=1000, gt=0)
    """Consecutive rows of a stream that are shuffled together."""

    @field_validator("fields")
    @classmethod
    def _fields_exist(cls, value: Any) -> Any:
        return known_fields(value)


@dataclass(frozen=True)
class Row:
    """One row as the table has it.

    Attributes:
        id: as in `train.jsonl:17`, line or row number, or `cat.jpg` in a folder of files.
        values: column -> cell, all columns.
        folder: what paths in the cells are relative to.
    """

    id: str
    values: dict[str, Any]
    folder: Location


class Source:
    """A table with its columns mapped.

    Args:
        table: the rows.
        fields: modality -> the columns that hold it.
        notes: what was guessed, in words.
        targets: target -> the columns that hold it.
        prefix: put before each id, to tell apart tables whose ids are the same.
        folder: what paths in the cells are relative to, where it is not the table's.
        called: the name that the recipe gives the set.
        group_by: the column that says which rows belong together; None where none does.

    Attributes:
        classes: column of whole numbers -> the name of each number.
        broken: rows that cannot be read at all. They are not among the rows.
        flaws: what is wrong inside rows that can be read.
        optional: modalities that a row may lack without being broken.
    """

    def __init__(
        self,
        table: Table,
        fields: dict[str, list[str]],
        notes: list[str],
        targets: dict[str, list[str]],
        prefix: str = "",
        folder: Location | None = None,
        called: str = "",
        group_by: str | None = None,
    ) -> None:
        self.table = table
        self.group_by = group_by
        self.called = called
        self.fields = fields
        self.targets = targets
        self.notes = notes
        self.prefix = prefix
        self.name = table.name
        self.folder = table.folder if folder is None else folder
        self.columns = table.columns
        self.classes = table.classes
        self.optional = optional_in(table, fields)
        self.broken = [Broken(prefix + one.id, one.reason) for one in table.broken]
        self.flaws = [Broken(prefix + one.id, one.reason) for one in table.flaws]

    def __len__(self) -> int:
        return len(self.table)

    def id(self, row: int) -> str:
        return self.prefix + self.table.id(row)

    def row(self, row: int) -> Row:
        """Raises `BrokenSample` where the row cannot be read."""
        return Row(self.id(row), self.table.cells(row), self.folder)

    def group(self, row: int) -> str:
        """Equal for rows of one group; without a cell that says it, a row is a group of its own."""
        if self.group_by is not None:
            with suppress(BrokenSample):  # named where the row is decoded
                cell = self.table.cells(row).get(self.group_by)
                if isinstance(cell, str | int):
                    return f"{self.group_by}:{cell}"
        return self.id(row)


def open_source(
    files: Location | Sequence[Location],
    fields: Fields | None = None,
    *,
    strict: bool = True,
    prefix: str = "",
    modalities: Sequence[str] | None = None,
    place: SourceConfig | None = None,
    folder: Location | None = None,
    subtitles: SubtitlesConfig | None = None,
) -> Source:
    """Open a set and map its columns.

    Args:
        files: the file or folder, or the files of a pattern; none for a set of the Hub.
        fields: modality or target -> column or columns; modalities that are not said are guessed.
            An empty list says that the set lacks the modality or target.
        strict: whether columns that are not there, or cannot be guessed, are an error; otherwise
            they are noted.
        modalities: those to map; None maps all that are there.
        prefix: put before each id.
        place: what the recipe says of the set.
        folder: what file names in the cells start from; by default the folder of the manifest.
        subtitles: how those of videos become clips.

    Raises:
        DataError: the path is of no known format, holds no rows, or its columns cannot be mapped.
    """
    files = [files] if isinstance(files, Path | Remote) else list(files)
    place = place or SourceConfig(path=str(files[0]))
    table = open_table(place, files, subtitles or SubtitlesConfig())
    if place.each is not None:
        table = EachTable(table, place.each)
    if not len(table):
        first = f"; the first: {table.broken[0].reason}" if table.broken else ""
        raise DataError(f"{place.path}: expected rows, found none that can be read{first}")
    rows = _first_rows(table)
    mapped, targets, notes = map_columns(
        table.name, table.columns, rows, fields, strict, modalities
    )
    if isinstance(table, ClipTable):
        notes = table.notes + notes
    if table.flaws:
        notes.append(boxes_note(table.name, table.flaws))
    if place.group_by is not None:
        _check_groups(table, place.group_by, rows)
    return Source(table, mapped, notes, targets, prefix, folder, place.name or "", place.group_by)


def boxes_note(name: str, faulty: Sequence[Broken]) -> str:
    """In words, how many boxes of a set are left out or cut, and the first of them."""
    first = f"{faulty[0].id}: {faulty[0].reason}"
    boxes = "1 box is" if len(faulty) == 1 else f"{len(faulty):,} boxes are"
    return f"{name}: {boxes} faulty, and left out or cut; the first: {first}"


def _check_groups(table: Table, column: str, rows: Sequence[Cells]) -> None:
    """Raises `DataError` where there is no such column, or it holds what cannot be compared."""
    problem = f"{table.name} has no column {column!r} to group by"
    require_name(column, table.columns, problem, "columns")
    cells = [cell for row in rows if (cell := row.get(column)) is not None]
    odd = next((cell for cell in cells if not isinstance(cell, str | int)), None)
    if odd is not None:
        raise DataError(
            f"{table.name}: group_by={column} expected text or whole numbers, got "
            f"{type(odd).__name__}; name a column that says the group, as an image's id"
        )


def _first_rows(table: Table) -> list[Cells]:
    rows = []
    for row in range(min(len(table), ROWS_LOOKED_AT)):
        try:
            rows.append(table.cells(row))
        except BrokenSample:
            continue  # named where the row is decoded
    return rows


def optional_in(table: Table, fields: Fields) -> list[str]:
    """Modalities that a row of the table may lack without being broken."""
    if not isinstance(table, ClipTable):
        return []
    return [modality for modality, columns in fields.items() if set(columns) <= set(table.optional)]


def open_table(place: SourceConfig, files: Sequence[Location], subtitles: SubtitlesConfig) -> Table:
    if is_hub(place.path):
        return HubTable(place.path, place.config, place.split)
    videos = [file for file in files if isinstance(file, Path) and _is_video(file)]
    if len(videos) == len(files):
        return open_clips(place.path.rpartition("/")[2], videos, subtitles)
    if len(files) > 1:
        name = place.path.rpartition("/")[2]
        return JoinedTable(name, [_open_file(file, len(files)) for file in files])
    (file,) = files
    return _open_folder(file, place, subtitles) if file.is_dir() else _open_file(file)


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()


def _open_file(file: Location, siblings: int = 1) -> Table:
    """Open one file, of as many of one set."""
    if not file.is_file():
        raise DataError(f"no data at {file}: expected a file or a folder")
    if file.suffix == ".parquet":
        return ParquetTable(file, KEPT_BYTES // siblings)
    if file.suffix == ".tar":
        return TarTable(file)
    if file.suffix == ".json":
        return CocoTable(file)
    if file.suffix in lines.SUFFIXES:
        return LineTable(file)
    raise DataError(
        f"{file}: expected a folder or a file that ends in {', '.join(MANIFESTS)}, "
        f"got {file.suffix or 'no suffix'!r}"
    )


def _open_folder(folder: Location, place: SourceConfig, subtitles: SubtitlesConfig) -> Table:
    for name in FOLDER_MANIFESTS:
        if (folder / name).is_file():
            return LineTable(folder / name)
    if isinstance(folder, Remote):
        raise DataError(f"{folder}: expected {' or '.join(FOLDER_MANIFESTS)} in a folder at a URL")
    if is_saved(folder):
        return HubTable(str(folder), None, place.split)
    if videos := videos_below(folder):
        return open_clips(folder.resolve().name, videos, subtitles)
    table = FolderTable(folder)
    if len(table):
        return table
    found = sorted(path.name for path in folder.iterdir() if path.suffix in MANIFESTS)
    hint = f"; name one of its files: {', '.join(found)}" if found else ""
    raise DataError(
        f"{folder}: expected {' or '.join(FOLDER_MANIFESTS)} or picture files, sound files or "
        f"videos in it, found none{hint}"
    )
