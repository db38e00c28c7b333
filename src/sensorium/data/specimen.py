"""A sample as a page shows it: small enough that many fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sensorium.data.cells import Medium, as_medium, as_text, filled
from sensorium.data.image import read_file
from sensorium.data.players import clip_player, sound_player
from sensorium.data.quarantine import BrokenSample
from sensorium.data.sources import Source
from sensorium.data.thumbnail import thumbnail

SIDE = 192
"""Pixels of a picture on the page."""

TEXT_CHARACTERS = 160


@dataclass(frozen=True)
class Specimen:
    """What is seen and heard of a sample; all files are data URIs.

    Attributes:
        set: its set's name.
        id: its own.
        text: its caption, cut.
        picture: of an image.
        clip: the begin of a video.
        sound: the begin of a sound.
        waveform: of that, an SVG path 96 wide and 100 high.
    """

    set: str
    id: str
    text: str | None = None
    picture: str | None = None
    clip: str | None = None
    sound: str | None = None
    waveform: str | None = None


def show(source: Source, row: int, set: str) -> Specimen:
    """Decode a sample again, for the eye; what cannot be is left out."""
    shown = Specimen(set, source.id(row))
    try:
        read = source.row(row)
    except BrokenSample:
        return shown
    for modality, columns in source.fields.items():
        cell = next((c for column in columns for c in filled(read.values.get(column))), None)
        if cell is None:
            continue
        try:
            if modality == "text":
                shown = replace(shown, text=_cut(as_text(cell)))
            else:
                shown = SHOW[modality](shown, as_medium(cell, read.folder, modality))
        except BrokenSample:
            continue
    return shown


def _with_picture(shown: Specimen, medium: Medium) -> Specimen:
    content = medium.content
    data = read_file(content) if isinstance(content, Path) else content
    return replace(shown, picture=thumbnail(data, SIDE))


def _with_clip(shown: Specimen, medium: Medium) -> Specimen:
    return replace(shown, clip=clip_player(medium))


def _with_sound(shown: Specimen, medium: Medium) -> Specimen:
    sound, waveform = sound_player(medium)
    return replace(shown, sound=sound, waveform=waveform)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"


SHOW: Mapping[str, Callable[[Specimen, Medium], Specimen]] = {
    "image": _with_picture,
    "video": _with_clip,
    "audio": _with_sound,
}
"""Modality -> what puts a file of it into the specimen."""
