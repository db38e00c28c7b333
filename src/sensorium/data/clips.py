"""A folder of videos, or one of them, as clips: a row for each cue of its subtitles.

    video file -> its tracks of subtitles, in it and beside it -> cues -> rows

A row has the cells `video` and `audio`, the same part of the same file, and `text`. A video without
subtitles is one row, whole, with the text of the `.txt` file beside it, or without text. A silent
one has no `audio`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from av.container import InputContainer

from sensorium.data.container import open_container
from sensorium.data.cues import Cue, cleaned, joined
from sensorium.data.files import Location
from sensorium.data.film import VideoTrack
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.subtitles import (
    SubtitleFile,
    SubtitlesConfig,
    Track,
    chosen_track,
    embedded_tracks,
    files_by_stem,
)
from sensorium.data.tables import Cells
from sensorium.data.video import SUFFIXES

BESIDE = (".gif",)
"""In a folder with videos, these are videos, too."""

NAMED = 3
"""So many files are named in a note, and the others counted."""


@dataclass
class _Film:
    """What was found out about a video file without decoding it."""

    name: str
    has_sound: bool
    cues: list[Cue]
    late: int = 0
    tracks: list[Track] = field(default_factory=list)
    track: Track | None = None
    notes: list[str] = field(default_factory=list)


class ClipTable:
    """The clips of some videos.

    Args:
        name: what a person calls them.
        folder: where they lie.
        files: their names from there.

    Attributes:
        optional: columns that a row may lack.
        notes: which tracks were taken, and what was left out, in words.
    """

    optional = ("audio", "text")

    def __init__(
        self, name: str, folder: Path, files: Sequence[str], config: SubtitlesConfig
    ) -> None:
        self.name = name
        self.folder: Location = folder
        self.classes: dict[str, list[str]] = {}
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        self._folder = folder
        self._files = files
        self._config = config
        parents = {(folder / name).parent for name in files}
        self._beside = {parent: files_by_stem(parent) for parent in parents}
        films: list[_Film] = []
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for found in threads.map(self._look_at, self._files):
                if isinstance(found, Broken):
                    self.broken.append(found)
                else:
                    films.append(found)
        self._rows = [row for film in films for row in _rows(film, self._text_beside(film.name))]
        self.columns = ["video"]
        self.columns += [
            column
            for column in ("audio", "text")
            if any(column in cells for _, cells in self._rows)
        ]
        self.notes = list(_notes(name, films, config))

    def __len__(self) -> int:
        return len(self._rows)

    def id(self, row: int) -> str:
        return self._rows[row][0]

    def cells(self, row: int) -> Cells:
        return self._rows[row][1]

    def fingerprint(self) -> str:
        """Of names and sizes of all files, and of what makes rows of them."""
        digest = hashlib.sha256(self._config.model_dump_json().encode())
        for name in self._files:
            path = self._folder / name
            beside = [file.path for file in self._files_beside(path)]
            beside.append(path.with_suffix(".txt"))
            for one in [path, *beside]:
                size = one.stat().st_size if one.is_file() else -1
                said = f"{one.relative_to(self._folder)}\0{size}\n"
                digest.update(said.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _look_at(self, name: str) -> _Film | Broken:
        path = self._folder / name
        try:
            with open_container(path) as container:
                seconds = VideoTrack(container, path).seconds
                has_sound = _has_sound(container)
                tracks: list[Track] = [*self._files_beside(path)]
                tracks += embedded_tracks(container, path)
        except BrokenSample as error:
            return Broken(name, f"video {name!r}: {error}")
        film = _Film(name, has_sound, [], tracks=tracks)
        film.track = chosen_track(tracks, self._config.track)
        if film.track is not None:
            try:
                said = film.track.cues(self._config, film.notes)
            except BrokenSample as error:
                film.notes.append(f"{film.track.name}: {error}")
                return film
            cues = cleaned(said)
            film.late = sum(cue.start_seconds >= seconds for cue in cues)
            cues = [cue for cue in cues if cue.start_seconds < seconds]
            film.cues = joined(cues, self._config.clip_seconds)
        return film

    def _files_beside(self, film: Path) -> list[SubtitleFile]:
        return self._beside[film.parent].get(film.with_suffix("").name, [])

    def _text_beside(self, name: str) -> str | None:
        path = (self._folder / name).with_suffix(".txt")
        if not path.is_file():
            return None
        # Bytes that are not UTF-8 survive here, and are named as broken where text is decoded.
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip() or None


def open_clips(name: str, files: Sequence[Path], config: SubtitlesConfig) -> ClipTable:
    """The clips of video files, wherever they lie."""
    folder = Path(os.path.commonpath([file.parent for file in files]))
    return ClipTable(name, folder, [file.relative_to(folder).as_posix() for file in files], config)


def videos_below(folder: Path) -> list[Path]:
    """The videos in a folder and those below it, except hidden ones; none if it has only GIFs."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES + BESIDE
        and not path.name.startswith(".")
        and path.is_file()
    )
    return files if any(path.suffix.lower() in SUFFIXES for path in files) else []


def clock(seconds: float) -> str:
    """As in 00:12.3, or 1:02:03.4 after an hour."""
    tenths = round(10 * seconds)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:" if hours else "") + f"{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"


def _has_sound(container: InputContainer) -> bool:
    return any(stream.codec_context is not None for stream in container.streams.audio)


def _rows(film: _Film, text: str | None) -> Iterable[tuple[str, Cells]]:
    """Id and cells of each clip."""
    if not film.cues:
        yield film.name, _cells(film, {"path": film.name}, text)
    for cue in film.cues:
        part = {"path": film.name, "start": cue.start_seconds, "end": cue.end_seconds}
        times = f"{clock(cue.start_seconds)}-{clock(cue.end_seconds)}"
        yield f"{film.name}#{times}", _cells(film, part, cue.text)


def _cells(film: _Film, part: dict[str, Any], text: str | None) -> Cells:
    cells: Cells = {"video": part}
    if film.has_sound:
        cells["audio"] = part
    if text is not None:
        cells["text"] = text
    return cells


def _notes(name: str, films: list[_Film], config: SubtitlesConfig) -> Iterable[str]:
    several = [film for film in films if len(film.tracks) > 1 and config.track is None]
    if several:
        yield (
            f"{name}: several tracks of subtitles, the first is taken: {_of(several, films)}"
            f"; of {several[0].name} they are {_listed(several[0].tracks)}. To take another: "
            "data.subtitles.track=LANGUAGE or NUMBER"
        )
    others = [film for film in films if film.track is None and film.tracks]
    if others:
        yield (
            f"{name}: no subtitles data.subtitles.track={config.track}: {_of(others, films)}; "
            f"those of {others[0].name} are {_listed(others[0].tracks)}"
        )
    without = [film for film in films if not film.cues]
    if without:
        yield f"{name}: no subtitles, so that the video is one row, whole: {_of(without, films)}"
    if late := sum(film.late for film in films):
        yield f"{name}: {late:,} cues begin after the end of their video and are left out"
    for film in films:
        yield from (f"{name}: {note}" for note in film.notes)


def _of(some: list[_Film], films: list[_Film]) -> str:
    """As in `2 of 5 videos (a.mp4, b.mp4)`."""
    more = f" and {len(some) - NAMED:,} more" if len(some) > NAMED else ""
    names = ", ".join(film.name for film in some[:NAMED])
    return f"{len(some):,} of {len(films):,} videos ({names}{more})"


def _listed(tracks: list[Track]) -> str:
    return ", ".join(f"{track.name} ({track.language or 'no language said'})" for track in tracks)
