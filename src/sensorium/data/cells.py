"""What a cell of a table means as a picture or as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.data.quarantine import BrokenSample


@dataclass(frozen=True)
class Picture:
    """A picture that has not been decoded.

    Attributes:
        content: the bytes of its file, or the path of it.
        name: what to call it in a message.
    """

    content: bytes | Path
    name: str


def filled(cell: Any) -> Iterator[Any]:
    """What the cell holds: nothing where it is empty, each item where it is a list, or itself."""
    if isinstance(cell, list):
        for item in cell:
            yield from filled(item)
    elif isinstance(cell, str):
        if cell.strip():
            yield cell
    elif isinstance(cell, dict):
        if any(value is not None for value in cell.values()):
            yield cell
    elif cell is not None:
        yield cell


def as_picture(cell: Any, folder: Path) -> Picture:
    """Read a path, the bytes of a file, or a Hugging Face `Image`, {"bytes": ..., "path": ...}.

    Args:
        folder: what a relative path starts from.

    Raises:
        BrokenSample: it is none of these.
    """
    if isinstance(cell, str):
        return Picture(folder / cell, f"picture {cell!r}")
    if isinstance(cell, bytes):
        return Picture(cell, "picture in the table")
    if isinstance(cell, dict):
        content, path = cell.get("bytes"), cell.get("path")
        if isinstance(content, bytes):
            return Picture(content, f"picture {path!r}" if path else "picture in the table")
        if isinstance(path, str):
            return as_picture(path, folder)
    raise BrokenSample(
        f"image: expected a file name, bytes or {{bytes, path}}, got {type(cell).__name__}"
    )


def as_text(cell: Any) -> str:
    """Read a string, or a number as it is written.

    Raises:
        BrokenSample: it is neither, or it cannot be written in UTF-8.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise BrokenSample(f"text: expected a string, got {type(cell).__name__}")
    text = str(cell).strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BrokenSample(f"text: not UTF-8 (character {error.start + 1})") from error
    return text
