"""The streams of a media file, in words."""

from __future__ import annotations

from functools import lru_cache
from glob import escape
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from sensorium.data.check.look import MediaFile, of_file
from sensorium.data.container import open_container
from sensorium.data.quarantine import BrokenSample

SUBTITLE_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")


def media_file(content: bytes | Path, seconds: float) -> MediaFile:
    """The streams that FFmpeg finds in a file, and the subtitle files beside it.

    Args:
        seconds: of the whole file.
    """
    try:
        if isinstance(content, Path):
            kinds, streams = of_file(streams_of_file, content)
        else:
            kinds, streams = streams_of(content)
    except BrokenSample:  # FFmpeg knows no moving WebP, which Pillow reads
        kinds = streams = ["moving picture"]
    return MediaFile(seconds, kinds, streams)


def kind(stream: Stream) -> str:
    """As in `h264 video`, `aac audio`, `mov_text subtitle eng`."""
    context = stream.codec_context
    codec = "unknown" if context is None else context.codec.canonical_name
    language = f" {stream.language}" if stream.type == "subtitle" and stream.language else ""
    return f"{codec} {stream.type}{language}"


def describe(stream: Stream) -> str:
    """As in `h264 video 640 x 360`, `aac audio 48,000 Hz, 2 channels`."""
    said = kind(stream)
    if isinstance(stream, VideoStream):
        return f"{said} {stream.width} x {stream.height}"
    if isinstance(stream, AudioStream):
        many = "s" if stream.channels != 1 else ""
        return f"{said} {stream.sample_rate:,} Hz, {stream.channels} channel{many}"
    return said


def describe_all(container: InputContainer) -> list[str]:
    """Every stream of a file, subtitles with their cues."""
    found = [describe(stream) for stream in container.streams]
    tracks = [stream for stream in container.streams if stream.type == "subtitle"]
    cues = dict.fromkeys((track.index for track in tracks), 0)
    for packet in container.demux(*tracks) if tracks else ():
        # The gap between two cues of MP4 is a packet, too: two bytes, which say "no text".
        cues[packet.stream.index] += packet.size > 2
    for index, count in cues.items():
        found[index] += f", {count:,} cue{'s' if count != 1 else ''}"
    return found


@lru_cache(maxsize=256)
def streams_of_file(path: Path, changed: int) -> tuple[list[str], list[str]]:
    """Kinds and descriptions of the streams of a file, and of the subtitle files beside it."""
    kinds, streams = streams_of(path)
    beside = sorted(path.parent.glob(f"{escape(path.stem)}.*"))
    return kinds, streams + [
        f"{one.name} beside it" for one in beside if one.suffix.lower() in SUBTITLE_SUFFIXES
    ]


def streams_of(content: bytes | Path) -> tuple[list[str], list[str]]:
    """Kinds and descriptions of the streams that FFmpeg finds in a file."""
    with open_container(content) as container:
        return [kind(stream) for stream in container.streams], describe_all(container)
