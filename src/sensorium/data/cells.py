"""What a cell of a table means: a file with a picture, a sound or a video, or text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.data.files import Location, Part, Remote, join
from sensorium.data.quarantine import BrokenSample


@dataclass(frozen=True)
class Medium:
    """A file, or a part of one, that has not been decoded: a picture, a sound, a video.

    Attributes:
        source: the bytes of the file, its path, or where its bytes can be read.
        name: what to call it in a message.
        start_seconds: where the part begins; None at the file's begin.
        end_seconds: where it ends; None at the file's end.
    """

    source: bytes | Path | Part
    name: str
    start_seconds: float | None = None
    end_seconds: float | None = None

    @property
    def content(self) -> bytes | Path:
        """The bytes of the file, or its path on this machine.

        Raises:
            BrokenSample: the bytes cannot be read.
        """
        return self.source.read() if isinstance(self.source, Part) else self.source


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


def as_medium(cell: Any, folder: Location, noun: str) -> Medium:
    """Read a path, the bytes of a file, or `{"bytes": ..., "path": ...}`, the Hugging Face form.

    The last may say a part of the file, in seconds: `{"path": ..., "start": 2.0, "end": 4.5}`.

    Args:
        folder: what a relative path starts from.
        noun: what a person calls such a file, as in `picture`.

    Raises:
        BrokenSample: it is none of these.
    """
    if isinstance(cell, str):
        return Medium(_file(folder, cell), f"{noun} {cell!r}")
    if isinstance(cell, bytes):
        return Medium(cell, f"{noun} in the table")
    if isinstance(cell, dict):
        content, path = cell.get("bytes"), cell.get("path")
        start, end = (_seconds(cell.get(key), key, noun) for key in ("start", "end"))
        if isinstance(content, bytes | Part):
            return Medium(
                content, f"{noun} {path!r}" if path else f"{noun} in the table", start, end
            )
        if isinstance(path, str):
            return Medium(_file(folder, path), f"{noun} {path!r}", start, end)
    raise BrokenSample(
        f"{noun}: expected a file name, bytes or {{bytes, path}}, got {type(cell).__name__}"
    )


def _file(folder: Location, name: str) -> Path | Part:
    file = join(folder, name)
    return Part(file) if isinstance(file, Remote) else file


def _seconds(value: Any, key: str, noun: str) -> float | None:
    if value is None or (isinstance(value, int | float) and 0 <= value < float("inf")):
        return value
    raise BrokenSample(f"{noun}: expected {key} in seconds from the file's begin, got {value!r}")


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
