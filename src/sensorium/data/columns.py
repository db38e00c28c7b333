"""Which column holds which modality: as the recipe says, or guessed and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from sensorium.data.image import SUFFIXES as IMAGE_SUFFIXES
from sensorium.data.tables import Cells
from sensorium.data.video import SUFFIXES as VIDEO_SUFFIXES
from sensorium.errors import DataError

NAMES = ("image", "text", "video")
"""Of all modalities."""

IMAGE_NAMES = ("image", "img", "picture", "photo")
"""Columns that are pictures whatever their cells look like."""

VIDEO_NAMES = ("video", "clip", "movie")
"""Columns that are videos if their cells are files of any kind."""

FILE_NAMES = ("file_name", "filename", "image_path", "img_path", "file_path", "filepath", "path")
"""Columns that are pictures if their cells are names of picture files, and so on."""

TEXT_NAMES = (
    *("text", "txt", "caption", "captions", "title", "description", "sentence", "alt_text", "alt"),
)

ROWS_LOOKED_AT = 50

Fields = Mapping[str, str | list[str]]


def map_columns(
    name: str, columns: Sequence[str], rows: Sequence[Cells], said: Fields | None, strict: bool
) -> tuple[dict[str, list[str]], list[str]]:
    """Find the columns of each modality.

    Args:
        name: the table's, for messages.
        columns: all that the table has.
        rows: its first rows, to guess by.
        said: modality -> column or columns; an empty list says that there is none. What is not
            said is guessed.
        strict: whether a column that is not there, or a modality that cannot be guessed, is an
            error; otherwise the one is guessed instead, the other left out, and both noted.

    Returns:
        modality -> its columns, and notes in words on what was guessed.

    Raises:
        DataError: a column or a modality that does not exist, or that cannot be guessed.
    """
    said = dict(said or {})
    notes = [] if strict else _drop_absent(name, columns, said)
    for modality, wanted in said.items():
        _require(modality, NAMES, f"data.fields has no modality {modality!r}", "modalities")
        for column in _listed(wanted):
            _require(column, columns, f"{name} has no column {column!r}", "columns")
    fields = {modality: _listed(wanted) for modality, wanted in said.items()}
    there = ", ".join(columns)
    for modality, guess in _GUESS.items():
        if modality in fields:
            continue
        taken = {column for mapped in fields.values() for column in mapped}
        guessed = guess([column for column in columns if column not in taken], rows)
        if guessed is not None:
            fields[modality] = [guessed]
            note = f"{modality} guessed as column {guessed!r} of {there}; to change it: "
            notes.append(f"{name}: {note}data.fields.{modality}=COLUMN")
            continue
        if modality == "video" or (modality == "image" and fields.get("video")):
            continue  # most sets have no videos, and most sets of videos no pictures beside
        problem = (
            f"{name}: no column could be guessed to be the {modality}; the columns are {there}. "
            f"Say it as data.fields.{modality}=COLUMN, or data.fields.{modality}=[] for none"
        )
        if strict:
            raise DataError(problem)
        notes.append(problem)
    fields = {modality: fields[modality] for modality in NAMES if fields.get(modality)}
    if not fields:
        raise DataError(
            f"{name}: no column of any modality; the columns are {there}. "
            "Say them as data.fields.image=COLUMN and data.fields.text=COLUMN"
        )
    return fields, notes


def _drop_absent(name: str, columns: Sequence[str], said: dict[str, str | list[str]]) -> list[str]:
    """Take out of `said` the columns that are not there; return what was taken out, in words."""
    notes = []
    for modality, wanted in list(said.items()):
        listed = _listed(wanted)
        there = [column for column in listed if column in columns]
        if there == listed:
            continue
        gone = ", ".join(repr(column) for column in listed if column not in there)
        notes.append(f"{name}: has no column {gone} for the {modality}")
        if there:
            said[modality] = there
        else:
            del said[modality]
    return notes


def _listed(columns: str | list[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _require(name: str, valid: Sequence[str], problem: str, kind: str) -> None:
    if name in valid:
        return
    close = get_close_matches(name, valid, n=1, cutoff=0.5)
    nearest = f"; did you mean {close[0]!r}?" if close else "."
    raise DataError(f"{problem}{nearest} The {kind} are {', '.join(valid)}")


def _guess_image(columns: Sequence[str], rows: Sequence[Cells]) -> str | None:
    pictures = [column for column in columns if _mostly(_is_picture, column, rows)]
    return (
        _by_name(columns, IMAGE_NAMES)
        or _by_name(pictures, FILE_NAMES)
        or next(iter(pictures), None)
    )


def _guess_video(columns: Sequence[str], rows: Sequence[Cells]) -> str | None:
    videos = [column for column in columns if _mostly(_is_video, column, rows)]
    files = [column for column in columns if _mostly(_is_file, column, rows)]
    return _by_name(files, VIDEO_NAMES) or _by_name(videos, FILE_NAMES) or next(iter(videos), None)


def _guess_text(columns: Sequence[str], rows: Sequence[Cells]) -> str | None:
    strings = [
        column
        for column in columns
        if _mostly(_is_text, column, rows) and not _mostly(_is_file, column, rows)
    ]
    return _by_name(strings, TEXT_NAMES) or max(
        strings, key=lambda column: sum(len(row.get(column) or "") for row in rows), default=None
    )


_GUESS = {"video": _guess_video, "image": _guess_image, "text": _guess_text}
"""In the order in which columns are given away."""


def _by_name(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the first of `names`, whatever its capitals."""
    found = {column.lower(): column for column in reversed(columns)}
    return next((found[name] for name in names if name in found), None)


def _mostly(kind: Any, column: str, rows: Sequence[Cells]) -> bool:
    """Whether more than half of the cells that are not empty are of the kind."""
    cells = [row[column] for row in rows if row.get(column) not in (None, "", [])]
    return sum(map(kind, cells)) * 2 > len(cells)


def _is_picture(cell: Any) -> bool:
    """A file that is not known to be anything else."""
    return _is_file(cell) and not _is_video(cell)


def _is_video(cell: Any) -> bool:
    return _path(cell).endswith(VIDEO_SUFFIXES)


def _is_file(cell: Any) -> bool:
    """The bytes of a file, or the name of one of a kind that is known."""
    if isinstance(cell, dict):
        return {"bytes", "path", "start", "end"} >= set(cell)
    return isinstance(cell, bytes) or _path(cell).endswith(IMAGE_SUFFIXES + VIDEO_SUFFIXES)


def _path(cell: Any) -> str:
    """The name of the file in the cell, in small letters; nothing where it has none."""
    name = cell.get("path") if isinstance(cell, dict) else cell
    return name.lower() if isinstance(name, str) else ""


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) or (
        isinstance(cell, list) and bool(cell) and all(isinstance(one, str) for one in cell)
    )
