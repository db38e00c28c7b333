"""A few seconds of a sound or a video, inside a page."""

from __future__ import annotations

import base64
import io
from fractions import Fraction

import av
import numpy as np
from av import VideoFrame

from sensorium.data.cells import Medium
from sensorium.data.film import Frame, open_film
from sensorium.data.quarantine import BrokenSample
from sensorium.data.video import part_of

CLIP_SECONDS = 3.0
CLIP_RATE = 12
"""Frames a second."""
CLIP_SIDE = 224
"""Pixels of the longer side."""
CLIP_QUALITY = "30"
"""Of H.264, from 0, the best, to 51."""


def clip_player(medium: Medium) -> str:
    """The begin of a video, small and without its sound: an MP4 as a data URI.

    Raises:
        BrokenSample: no frame can be decoded.
    """
    pictures: list[np.ndarray] = []
    with open_film(medium.content) as film:
        start, end = part_of(film, medium.start_seconds, medium.end_seconds)
        end = min(end, start + CLIP_SECONDS)
        for frame in (film.frames_from(start) if start else None) or film.frames():
            if frame.start_seconds >= end and pictures:
                break
            while frame.end_seconds > start + len(pictures) / CLIP_RATE:
                pictures.append(_small(frame))
                if len(pictures) > CLIP_SECONDS * CLIP_RATE:
                    break
    if not pictures:
        raise BrokenSample("no frame of it can be decoded")
    return _uri("video/mp4", _mp4(pictures))


def _small(frame: Frame) -> np.ndarray:
    """uint8 [H, W, 3], both sides even, as H.264 wants them."""
    picture = frame.picture
    scale = min(1.0, CLIP_SIDE / max(picture.width, picture.height))
    width, height = (max(2, round(n * scale / 2) * 2) for n in (picture.width, picture.height))
    if isinstance(picture, VideoFrame):
        return picture.to_ndarray(format="rgb24", width=width, height=height)
    return np.asarray(picture.convert("RGB").resize((width, height)))


def _mp4(pictures: list[np.ndarray]) -> bytes:
    height, width = pictures[0].shape[:2]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=CLIP_RATE, options={"crf": CLIP_QUALITY})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            if picture.shape[:2] != (height, width):
                break  # some files change their size on their way
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, CLIP_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
