"""Which column holds which modality: as the recipe says, or guessed and said.

And which holds which target: only as the recipe says, since a wrong guess would teach something
else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sensorium.data.kinds import kind_of
from sensorium.data.tables import Cells
from sensorium.errors import DataError, nearest

NAMES = ("image", "text", "audio", "video")
"""Of all modalities."""

TARGETS = (
    *("label", "labels", "number", "answer", "question_type", "boxes", "box"),
    *("wrong_text", "wrong_type"),
)
"""Of all targets that columns can hold."""

JUDGED_ONLY = ("wrong_text", "wrong_type")
"""Those of them that nothing is trained on."""

PLACES = ("boxes", "box")
"""Those that are places in a picture."""

GUESSED = ("video", "image", "text", "audio")
"""The same, in the order in which columns are given away."""

MEDIUM_NAMES = {
    "image": ("image", "img", "picture", "photo"),
    "audio": ("audio", "sound", "recording"),
    "video": ("video", "clip", "movie"),
}
"""Columns that are pictures whatever their cells look like; sounds and videos if these are files
of any kind."""

FILE_NAMES = ("file_name", "filename", "image_path", "img_path", "file_path", "filepath", "path")
"""Columns that are pictures if their cells are names of picture files, and so on."""

TEXT_NAMES = (
    *("text", "txt", "caption", "captions", "title", "description", "sentence", "alt_text", "alt"),
)

ROWS_LOOKED_AT = 50

Fields = Mapping[str, str | list[str]]


class Mapped(NamedTuple):
    """The columns of a table.

    Attributes:
        fields: modality -> its columns.
        targets: target -> its columns.
        notes: in words, what was guessed or left out.
    """

    fields: dict[str, list[str]]
    targets: dict[str, list[str]]
    notes: list[str]


def known_modalities(value: Any) -> Any:
    """`value`, names of modalities, where each is one; for the checks of settings."""
    return _known(value, NAMES, f"modalities of {', '.join(NAMES)}")


def known_fields(value: Any) -> Any:
    """`value`, names of modalities and targets, where each is one."""
    expected = f"modalities of {', '.join(NAMES)} or targets of {', '.join(TARGETS)}"
    return _known(value, (*NAMES, *TARGETS), expected)


def _known(value: Any, names: Sequence[str], expected: str) -> Any:
    for name in value or ():
        if name not in names:
            raise ValueError(f"expected {expected}, got {name!r}{nearest(name, names)}")
    return value


def map_columns(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Cells],
    said: Fields | None,
    strict: bool,
    modalities: Sequence[str] | None = None,
) -> Mapped:
    """Find the columns of each modality and target.

    Args:
        name: the table's, for messages.
        columns: all that the table has.
        rows: its first rows, to guess by.
        said: modality or target -> column or columns; an empty list says that there is none.
            Modalities that are not said are guessed.
        strict: whether a column that is not there, or a modality that cannot be guessed, is an
            error; otherwise the one is guessed instead, the other left out, and both noted.
        modalities: those to find, whatever else the table has; None finds all that are there, and
            misses one only if there are fewer than a medium and a text.

    Raises:
        DataError: a column or a modality that does not exist, or that cannot be guessed.
    """
    said = dict(said or {})
    notes = [] if strict else _drop_absent(name, columns, said)
    require_columns(name, columns, said)
    listed = {name: _listed(wanted) for name, wanted in said.items()}
    fields = {name: columns for name, columns in listed.items() if name in NAMES}
    targets = {name: listed[name] for name in TARGETS if listed.get(name)}
    there = ", ".join(columns)
    for modality in GUESSED:
        if modality in fields or not (modalities is None or modality in modalities):
            continue
        taken = {column for mapped in listed.values() for column in mapped}
        taken |= {column for mapped in fields.values() for column in mapped}
        guessed = _guess(modality, [column for column in columns if column not in taken], rows)
        if guessed is None and modality == "audio" and modalities is not None:
            guessed = next(iter(fields.get("video", [])), None)  # its sound track
        if guessed is not None:
            fields[modality] = [guessed]
            note = f"{modality} guessed as column {guessed!r} of {there}; to change it: "
            notes.append(f"{name}: {note}data.fields.{modality}=COLUMN")
    for modality in _missing(fields, modalities):
        problem = (
            f"{name}: no column could be guessed to be the {modality}; the columns are {there}. "
            f"Say it as data.fields.{modality}=COLUMN, or data.fields.{modality}=[] for none"
        )
        if strict:
            raise DataError(problem)
        notes.append(problem)
    fields = {
        modality: fields[modality]
        for modality in NAMES
        if fields.get(modality) and (modalities is None or modality in modalities)
    }
    if not fields:
        raise DataError(
            f"{name}: no column of any modality; the columns are {there}. "
            f"Say them, as in data.fields.{(modalities or NAMES)[0]}=COLUMN"
        )
    return Mapped(fields, targets, notes)


def _missing(fields: Fields, modalities: Sequence[str] | None) -> list[str]:
    """What should have a column and has none."""
    if modalities is not None:
        return [modality for modality in NAMES if modality in modalities and modality not in fields]
    media = [modality for modality in fields if modality != "text"]
    missing = [] if media else ["image"]
    return missing + (["text"] if "text" not in fields and len(media) < 2 else [])


def require_columns(name: str, columns: Sequence[str], said: Fields) -> None:
    """Refuse modalities and targets that do not exist, and columns that are not there.

    Raises:
        DataError: with the nearest name.
    """
    valid = (*NAMES, *TARGETS)
    for field, wanted in said.items():
        require_name(field, valid, f"data.fields has no {field!r}", "modalities and targets")
        for column in _listed(wanted):
            require_name(column, columns, f"{name} has no column {column!r}", "columns")


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


def require_name(name: str, valid: Sequence[str], problem: str, kind: str) -> None:
    """Raises `DataError`, which opens with the problem, unless the name is one of the valid."""
    if name in valid:
        return
    raise DataError(f"{problem}{nearest(name, valid) or '.'} The {kind} are {', '.join(valid)}")


def _guess(modality: str, columns: Sequence[str], rows: Sequence[Cells]) -> str | None:
    if modality == "text":
        return _guess_text(columns, rows)
    others = {name for kind in MEDIUM_NAMES if kind != modality for name in MEDIUM_NAMES[kind]}
    columns = [column for column in columns if column.lower() not in others]
    files = [column for column in columns if _mostly(kind_of, column, rows)]
    ours = [column for column in files if _mostly(_is_of(modality), column, rows)]
    sounds = [column for column in files if _mostly(_is_of("audio"), column, rows)]
    named = {
        "image": columns,
        "audio": files,
        "video": [column for column in files if column not in sounds],
    }
    return (
        _by_name(named[modality], MEDIUM_NAMES[modality])
        or _by_name(ours, FILE_NAMES)
        or next(iter(ours), None)
    )


def _guess_text(columns: Sequence[str], rows: Sequence[Cells]) -> str | None:
    strings = [
        column
        for column in columns
        if _mostly(_is_text, column, rows) and not _mostly(kind_of, column, rows)
    ]
    return _by_name(strings, TEXT_NAMES) or max(
        strings, key=lambda column: sum(len(row.get(column) or "") for row in rows), default=None
    )


def _by_name(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the first of `names`, whatever its capitals."""
    found = {column.lower(): column for column in reversed(columns)}
    return next((found[name] for name in names if name in found), None)


def _mostly(kind: Callable[[Any], Any], column: str, rows: Sequence[Cells]) -> bool:
    """Whether more than half of the cells that are not empty are of the kind."""
    cells = [row[column] for row in rows if row.get(column) not in (None, "", [])]
    return sum(bool(kind(cell)) for cell in cells) * 2 > len(cells)


def _is_of(modality: str) -> Callable[[Any], bool]:
    return lambda cell: kind_of(cell) == modality


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) or (
        isinstance(cell, list) and bool(cell) and all(isinstance(one, str) for one in cell)
    )
