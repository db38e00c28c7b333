"""A sound or video file, opened by FFmpeg and guarded.

Whatever goes wrong with a file becomes `BrokenSample`. Only the formats of a closed list are read:
playlists and their like, which make FFmpeg open other files or addresses, are not among them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from sensorium.data.quarantine import BrokenSample

SOUND_FORMATS = (
    *("wav", "w64", "aiff", "au", "caf", "voc", "sox", "ircam", "nistsphere", "dsf"),
    *("flac", "wv", "ape", "tta", "tak", "shn", "mp3", "aac", "loas", "ogg", "mpc", "mpc8"),
    *("ac3", "eac3", "dts", "amr", "amrnb", "amrwb", "gsm", "truehd"),
)
VIDEO_FORMATS = (
    *("mov", "matroska", "avi", "asf", "flv", "mpeg", "mpegts", "mpegvideo", "m4v", "h263", "h264"),
    *("hevc", "vvc", "ivf", "obu", "av1", "gif", "apng", "nut", "mxf", "dv", "rm", "nsv", "wtv"),
    *("yuv4mpegpipe", "mjpeg"),
)
"""FFmpeg's names of the containers that are read. None of them opens a second file."""

OPTIONS = {
    "format_whitelist": ",".join(SOUND_FORMATS + VIDEO_FORMATS),
    "protocol_whitelist": "file",
}
IO_BYTES = 1 << 16
NOT_MEDIA = "not a sound or video file of a kind that is read here"


@contextmanager
def open_container(content: bytes | Path) -> Iterator[InputContainer]:
    """Open a file for as long as the `with` block lasts; errors of FFmpeg in it are mended, too.

    Args:
        content: the bytes of the file, or its path.

    Raises:
        BrokenSample: it is missing, empty, truncated, damaged or no sound or video.
    """
    source = _source(content)
    try:
        container = av.open(
            source, "r", options=OPTIONS, metadata_errors="replace", buffer_size=IO_BYTES
        )
    except av.ArgumentError:
        raise BrokenSample(NOT_MEDIA) from None  # not of the list
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise BrokenSample(_reason(error)) from error
    with container:
        try:
            yield container
        except av.FFmpegError as error:
            raise BrokenSample(_reason(error)) from error


def first_stream(container: InputContainer, kind: Literal["audio", "video"]) -> Stream:
    """The first stream of the kind. Pictures that a sound file carries as its cover are no video.

    Raises:
        BrokenSample: the file has none.
    """
    for stream in container.streams:
        if stream.type == kind and not stream.disposition & Disposition.attached_pic:
            return stream
    there = sorted({stream.type for stream in container.streams})
    raise BrokenSample(f"no {kind} stream in it, only {' and '.join(there) or 'nothing'}")


def _source(content: bytes | Path) -> str | io.BytesIO:
    if isinstance(content, bytes):
        if not content:
            raise BrokenSample("the file is empty (0 bytes)")
        return io.BytesIO(content)
    try:
        if content.is_dir():
            raise BrokenSample("a folder, not a file")
        if not content.exists():
            raise BrokenSample("the file is missing")
        if not content.is_file():
            raise BrokenSample("a pipe or a device, not a file")
        if not content.stat().st_size:
            raise BrokenSample("the file is empty (0 bytes)")
    except (OSError, ValueError) as error:
        raise BrokenSample(f"the file cannot be read ({error})") from error
    # The prefix keeps a name such as `concat:a.wav` or `http:a.wav` the name of a file.
    return f"file:{content}"


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "the file cannot be read (permission denied)"
    if isinstance(error, av.InvalidDataError | EOFError):
        return "the file is truncated, damaged or no sound or video"
    said = getattr(error, "strerror", None) or str(error)
    return f"the file cannot be decoded ({said})"
