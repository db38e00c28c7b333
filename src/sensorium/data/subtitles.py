"""Subtitles in a video file and in files beside it -> cues.

FFmpeg reads every format and brings it to ASS events, whose markup pysubs2 knows (`cues.py`).
(pysubs2 reads files, too, but takes the name of a WebVTT cue for words of the one before.)
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle
from charset_normalizer import from_bytes
from pydantic import Field, field_validator

from sensorium.config import Config
from sensorium.data.container import open_container
from sensorium.data.cues import Cue
from sensorium.data.image import read_file
from sensorium.data.quarantine import BrokenSample

FORMATS = {".srt": "srt", ".vtt": "webvtt", ".ass": "ass", ".ssa": "ass"}
"""Names of files -> FFmpeg's name of what is in them."""

PICTURES = ("dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle", "xsub", "dvb_teletext")
"""Codecs of tracks that hold no text."""

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class SubtitlesConfig(Config):
    """How the subtitles of a folder of videos become the texts of its clips."""

    track: str | int | None = None
    """Which, where there are several: a language, as in `en`, or the number of a track in the
    file, from 0. By default the file beside the video that has its name alone, else the first."""
    clip_seconds: float = Field(default=0.0, ge=0)
    """Join cues that follow each other into clips of at most so many seconds; 0 makes a clip of
    each cue."""
    encoding: str | None = None
    """Of files that are not in UTF-8 or UTF-16, as in `gb18030`; by default it is guessed, and
    said."""

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.lookup(value)
            except LookupError:
                raise ValueError("expected an encoding that Python knows, as gb18030") from None
        return value


@dataclass(frozen=True)
class EmbeddedTrack:
    """A track of text in a video file.

    Attributes:
        language: as the file has it, mostly in three letters; None where it does not say.
        number: among the tracks of text, from 0.
    """

    film: Path
    language: str | None
    number: int

    @property
    def name(self) -> str:
        return f"track {self.number} of {self.film.name}"

    def cues(self, config: SubtitlesConfig, notes: list[str]) -> list[Cue]:
        """As they are there, in the markup of ASS events.

        Raises:
            BrokenSample: the file cannot be read.
        """
        with open_container(self.film) as container:
            begin = (container.start_time or 0) / av.time_base
            return list(_decoded(container, _text_streams(container)[self.number], begin))


@dataclass(frozen=True)
class SubtitleFile:
    """A file of subtitles.

    Attributes:
        language: from its name, as `clip.en.srt`; None where it does not say.
    """

    path: Path
    language: str | None

    @property
    def name(self) -> str:
        return self.path.name

    def cues(self, config: SubtitlesConfig, notes: list[str]) -> list[Cue]:
        """As they are there, in the markup of ASS events; a guess is added to the notes.

        Raises:
            BrokenSample: the file cannot be read, or in no encoding that can be told.
        """
        text, guessed = _text(read_file(self.path), config)
        if guessed is not None:
            notes.append(
                f"{self.name} is not in UTF-8 and was read as {guessed}, a guess; to change it: "
                "data.subtitles.encoding=ENCODING"
            )
        content = io.BytesIO(text.encode("utf-8", "replace"))
        try:
            with av.open(content, "r", format=FORMATS[self.path.suffix.lower()]) as container:
                return list(_decoded(container, container.streams.subtitles[0], 0.0))
        except (av.FFmpegError, IndexError) as error:
            raise BrokenSample(f"no subtitles can be read from it ({error})") from error


Track = EmbeddedTrack | SubtitleFile


def embedded_tracks(container: InputContainer, film: Path) -> list[EmbeddedTrack]:
    """The tracks of text in an open video file, in their order."""
    return [
        EmbeddedTrack(film, _said(stream.language), number)
        for number, stream in enumerate(_text_streams(container))
    ]


def files_by_stem(folder: Path) -> dict[str, list[SubtitleFile]]:
    """The files of subtitles in a folder, by the stem of the video that they may go with.

    `a.en.srt` goes with `a.mp4`, in English, and with `a.en.mp4`. Of each video's files the one
    without a language is the first.
    """
    found: dict[str, list[SubtitleFile]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in FORMATS and path.is_file():
            parts = path.with_suffix("").name.split(".")
            for length in range(1, len(parts) + 1):
                language = ".".join(parts[length:]) or None
                stem = ".".join(parts[:length])
                found.setdefault(stem, []).append(SubtitleFile(path, language))
    return {
        stem: sorted(files, key=lambda file: file.language or "") for stem, files in found.items()
    }


def chosen_track(tracks: Sequence[Track], which: str | int | None) -> Track | None:
    """The track that is asked for, or the first; None where there is no such track."""
    if isinstance(which, int):
        embedded = (track for track in tracks if isinstance(track, EmbeddedTrack))
        return next((track for track in embedded if track.number == which), None)
    if which is None:
        return next(iter(tracks), None)
    return next((track for track in tracks if _is_language(track.language, which)), None)


def _is_language(said: str | None, wanted: str) -> bool:
    """Whether `en-US` or `eng` is `en`: one begins with the other."""
    if said is None:
        return False
    one, other = said.casefold().replace("_", "-"), wanted.casefold().replace("_", "-")
    return one.startswith(other) or other.startswith(one)


def _said(language: str | None) -> str | None:
    return None if language in (None, "", "und") else language


def _text_streams(container: InputContainer) -> list[SubtitleStream]:
    return [
        stream
        for stream in container.streams.subtitles
        if stream.codec_context is not None and stream.codec_context.name not in PICTURES
    ]


def _decoded(container: InputContainer, stream: SubtitleStream, begin: float) -> Iterator[Cue]:
    tick = float(stream.time_base or 1)
    for packet in container.demux(stream):
        if not packet.size or packet.pts is None:
            continue
        start = packet.pts * tick - begin
        for event in packet.decode():
            if not isinstance(event, AssSubtitle):
                continue
            # "ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text"
            markup = event.ass.decode("utf-8", "replace").split(",", 8)[-1]
            end = start + (packet.duration or 0) * tick
            yield Cue(round(max(0.0, start), 3), round(end, 3), markup)


def _text(data: bytes, config: SubtitlesConfig) -> tuple[str, str | None]:
    """What the file says, and its encoding where that had to be guessed."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, "replace"), None
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        if config.encoding is not None:
            return data.decode(config.encoding, "replace"), None
    best = from_bytes(data).best()
    if best is None:
        raise BrokenSample(
            "it is not in UTF-8, and in what cannot be guessed; say data.subtitles.encoding"
        )
    return str(best), best.encoding
