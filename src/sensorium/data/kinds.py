"""What kind of file a cell holds, told by its name or its first bytes; nothing is opened."""

from __future__ import annotations

from typing import Any

from sensorium.data import audio, image, video

SUFFIXES = {"image": image.SUFFIXES, "audio": audio.SUFFIXES, "video": video.SUFFIXES}
"""Modality -> the endings of the names of its files, in small letters."""


def kind_of_name(name: str) -> str | None:
    """The modality whose files are named so; None where no such files are."""
    lowered = name.lower()
    return next((kind for kind, ends in SUFFIXES.items() if lowered.endswith(ends)), None)


def kind_of(cell: Any) -> str | None:
    """The modality of the file that a cell names or holds; None where it is no file.

    Bytes that tell nothing of themselves count as a picture.
    """
    if isinstance(cell, str):
        return kind_of_name(cell)
    if isinstance(cell, bytes):
        return "audio" if audio.begins_as_sound(cell) else "image"
    if isinstance(cell, dict) and {"bytes", "path", "start", "end"} >= set(cell):
        content = cell.get("bytes")
        named = kind_of_name(cell.get("path") or "")
        return named or kind_of(content if isinstance(content, bytes) else b"")
    return None
