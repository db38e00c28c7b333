"""Moving pictures of any kind as one thing: frames with times, from the begin or from a moment on.

Nothing is converted, and no frame is kept: what is done with one decides what it costs. Times are
seconds from the begin of the file, which is where the first of its streams begins.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image
from torch import Tensor

from sensorium.data.container import first_stream, open_container
from sensorium.data.image import read_file
from sensorium.data.quarantine import BrokenSample

TOLERANCE_SECONDS = 0.001
"""Containers such as Matroska round times to a millisecond."""

SEEK_SECONDS = 1.0
"""Moments that are as near to each other as this are decoded in one go."""

PICTURE_FORMATS = ("WEBP", "PNG", "JPEG")
"""Pillow's names of what it decodes here, moving or not; FFmpeg knows no moving WebP."""

UNSAID_SECONDS = 0.1
"""How long a frame of a moving picture is shown that says nothing of it, as in browsers."""


@dataclass(frozen=True)
class Frame:
    """A frame as its decoder gave it.

    Attributes:
        start_seconds: when it begins to be shown.
        end_seconds: when the next one is due.
    """

    start_seconds: float
    end_seconds: float
    picture: VideoFrame | Image.Image


class Film(Protocol):
    """What frames come from.

    Attributes:
        seconds: how long it is.
        frames_per_second: on average, as far as the file says.
        width, height: of a frame, in pixels, as far as the file's header can be believed.
        pixel_aspect: width of a pixel over its height.
    """

    width: int
    height: int
    pixel_aspect: float

    @property
    def seconds(self) -> float: ...

    @property
    def frames_per_second(self) -> float: ...

    def frames(self) -> Iterator[Frame]:
        """All frames, from the begin of a film that was just opened."""
        ...

    def frames_from(self, seconds: float) -> Iterator[Frame] | None:
        """The frame shown at that moment, or an earlier one, and all that follow; None where such
        a place cannot be found but by going through all."""
        ...


@contextmanager
def open_film(content: bytes | Path) -> Iterator[Film]:
    """Open the file for as long as the `with` block lasts.

    Raises:
        BrokenSample: it is missing, empty, damaged, or has no moving picture.
    """
    if _is_picture(content):
        yield PictureFile(content)
        return
    with open_container(content) as container:
        yield VideoTrack(container, content)


class VideoTrack:
    """The first video stream of an open file.

    Args:
        content: what the container was opened from.

    Raises:
        BrokenSample: there is none that can be decoded.
    """

    def __init__(self, container: InputContainer, content: bytes | Path) -> None:
        stream = first_stream(container, "video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            raise BrokenSample("its video is of a kind that cannot be decoded here")
        self._decoder = _with_alpha(stream) or stream.codec_context
        self._decoder.thread_count = 1  # other samples are decoded beside this one
        self._container = container
        self._stream = stream
        self._tick = float(stream.time_base or 1)
        self._begin = (container.start_time or 0) / av.time_base
        self._frame_seconds = float(1 / (stream.average_rate or stream.guessed_rate or 25))
        self.width, self.height = stream.codec_context.width, stream.codec_context.height
        self.pixel_aspect = float(stream.sample_aspect_ratio or 1)
        self.seconds = self._said_seconds() or self._seconds_by_packets(content)
        self.frames_per_second = 1 / self._frame_seconds
        if stream.frames and self.seconds > 0:
            self.frames_per_second = stream.frames / self.seconds

    def frames(self) -> Iterator[Frame]:
        number = itertools.count()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return  # the end, also of a file that was cut off
            try:
                pictures = self._decoder.decode(packet)
            except av.FFmpegError:
                continue  # a damaged place: what lies behind it may be whole
            for picture in pictures:
                assert isinstance(picture, VideoFrame)
                yield self._frame(picture, next(number))

    def frames_from(self, seconds: float) -> Iterator[Frame] | None:
        back = 0.0
        while True:
            target = max(0.0, seconds - back)
            try:
                ticks = round((target + self._begin) / self._tick)
                self._container.seek(ticks, stream=self._stream)
            except (av.FFmpegError, OverflowError):
                return None
            self._decoder.flush_buffers()
            frames = self.frames()
            first = next(frames, None)
            found = [] if first is None else [first]
            early = first is not None and first.start_seconds <= seconds + TOLERANCE_SECONDS
            if early or not target:
                return itertools.chain(found, frames)
            back = max(2 * back, 2.0)  # a file without an index is sought only roughly

    def _frame(self, picture: VideoFrame, number: int) -> Frame:
        ticks = picture.dts if picture.pts is None else picture.pts
        if ticks is None or picture.time_base is None:  # a bare stream, without a container
            start, shown = number * self._frame_seconds, 0.0
        else:
            start = float(ticks * picture.time_base) - self._begin
            shown = float(picture.duration * picture.time_base)
        return Frame(start, start + (shown or self._frame_seconds), picture)

    def _said_seconds(self) -> float | None:
        stream, length = self._stream, self._container.duration
        if stream.duration is not None:
            end = (stream.start_time or 0) + stream.duration
            return end * self._tick - self._begin
        return None if length is None else length / av.time_base

    def _seconds_by_packets(self, content: bytes | Path) -> float:
        """Of a file that does not say, as recordings of a browser. Nothing is decoded."""
        end, packets = 0.0, 0
        with open_container(content) as container:
            for packet in container.demux(container.streams[self._stream.index]):
                packets += packet.size > 0
                if packet.pts is not None and packet.time_base is not None:
                    ticks = packet.pts + (packet.duration or 0)
                    end = max(end, float(ticks * packet.time_base) - self._begin)
        return end or packets * self._frame_seconds


def _with_alpha(stream: VideoStream) -> VideoCodecContext | None:
    """For VP8 and VP9 with alpha, the decoder that heeds it; FFmpeg takes one that does not."""
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return None
    try:
        decoder = VideoCodecContext.create(name, "r")
    except ValueError:  # not every build has it
        return None
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = stream.codec_context.extradata
    return decoder


class PictureFile:
    """A picture that Pillow reads, moving or still. Its size is known before anything is decoded,
    so that what is too large can be refused; how long it is, once all frames were.

    Raises:
        BrokenSample: it is damaged; also when it is first asked how long it is.
    """

    pixel_aspect = 1.0

    def __init__(self, content: bytes | Path) -> None:
        data = content if isinstance(content, bytes) else read_file(content)
        try:
            self._image = Image.open(io.BytesIO(data), formats=PICTURE_FORMATS)
        except Exception as error:  # a damaged file makes Pillow raise nearly anything
            raise _damaged(error) from error
        self.width, self.height = self._image.size

    @property
    def seconds(self) -> float:
        return sum(self._shown)

    @property
    def frames_per_second(self) -> float:
        return len(self._shown) / self.seconds

    @cached_property
    def _shown(self) -> list[float]:
        """Seconds that each frame is shown."""
        try:
            return [self._seconds_shown(number) for number in range(self._count())]
        except Exception as error:
            raise _damaged(error) from error

    def frames(self) -> Iterator[Frame]:
        start = 0.0
        for number, shown in enumerate(self._shown):
            self._image.seek(number)
            yield Frame(start, start + shown, self._image.copy())
            start += shown

    def frames_from(self, seconds: float) -> Iterator[Frame] | None:
        return None

    def _count(self) -> int:
        return getattr(self._image, "n_frames", 1)

    def _seconds_shown(self, number: int) -> float:
        self._image.seek(number)
        self._image.load()
        return self._image.info.get("duration", 0) / 1000 or UNSAID_SECONDS


def _damaged(error: Exception) -> BrokenSample:
    return BrokenSample(f"the picture is truncated or damaged ({error})")


def frames_shown(
    film: Film, moments: Sequence[float], convert: Callable[[Frame], Tensor]
) -> list[Tensor]:
    """What is shown at each of the moments: after the last frame nothing, unless nothing was yet.

    Args:
        film: just opened.
        moments: seconds, rising.
        convert: applied to every chosen frame before the next is decoded, once to each.

    Returns:
        Converted frames, the same object again where a frame is still shown.
    """
    frames = film.frames()
    coming = next(frames, None)
    shown: Frame | None = None
    last: Frame | None = None
    reach = SEEK_SECONDS
    chosen: list[Tensor] = []
    for moment in moments:
        if coming is not None and moment - coming.start_seconds > reach:
            before, sought = coming.start_seconds, film.frames_from(moment)
            if sought is None:
                reach = math.inf
            else:
                frames, coming = sought, next(sought, None)
                if coming is not None and coming.start_seconds <= before:
                    reach = 2 * (moment - before)  # the places that can be sought lie wider apart
        while coming is not None and coming.start_seconds <= moment + TOLERANCE_SECONDS:
            shown, coming = coming, next(frames, None)
        shown = shown or coming  # the first may begin late
        if shown is None or (coming is None and chosen and moment >= shown.end_seconds):
            break
        chosen.append(chosen[-1] if shown is last else convert(shown))
        last = shown
    return chosen


def _is_picture(content: bytes | Path) -> bool:
    head = content[:12] if isinstance(content, bytes) else _head(content)
    return head[8:] == b"WEBP" or head.startswith((b"\x89PNG", b"\xff\xd8\xff"))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(12)
    except (OSError, ValueError):
        return b""  # whoever opens it for good says what is wrong
