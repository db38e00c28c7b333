"""A few seconds of a sound or a video, inside a page."""

from __future__ import annotations

import base64
import io
from fractions import Fraction

import av
import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame

from sensorium.data.audio import AudioConfig, decode_audio
from sensorium.data.cells import Medium
from sensorium.data.film import Frame, open_film
from sensorium.data.quarantine import BrokenSample
from sensorium.data.video import part_of

SOUND_SECONDS = 6.0
SOUND_RATE = 16_000
SOUND_BITS_PER_SECOND = 32_000
PEAKS = 96

CLIP_SECONDS = 3.0
CLIP_RATE = 12
"""Frames a second."""
CLIP_SIDE = 224
"""Pixels of the longer side."""
CLIP_QUALITY = "30"
"""Of H.264, from 0, the best, to 51."""


def sound_player(medium: Medium) -> tuple[str, str]:
    """The begin of a sound: an MP3 as a data URI, and its waveform.

    The waveform is an SVG path of `PEAKS` upright strokes, 100 high.

    Raises:
        BrokenSample: it cannot be decoded.
    """
    start = medium.start_seconds or 0.0
    last = start + SOUND_SECONDS
    end = last if medium.end_seconds is None else min(last, medium.end_seconds)
    config = AudioConfig(sample_rate=SOUND_RATE)
    wave = decode_audio(medium.content, config, start, end).numpy()
    peaks = [float(np.abs(part).max(initial=0)) for part in np.array_split(wave, PEAKS)]
    loudest = max(1e-3, *peaks)  # silence is drawn as silence
    heights = [max(1.0, 48 * peak / loudest) for peak in peaks]
    strokes = [f"M{x + 0.5} {50 - h:.0f}V{50 + h:.0f}" for x, h in enumerate(heights)]
    return _uri("audio/mpeg", _mp3(wave)), "".join(strokes)


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


def _mp3(wave: np.ndarray) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SOUND_RATE, layout="mono")
        stream.bit_rate = SOUND_BITS_PER_SECOND
        frame = AudioFrame.from_ndarray(wave[None], format="flt", layout="mono")
        frame.sample_rate = SOUND_RATE
        resampler = AudioResampler(stream.format.name, "mono", SOUND_RATE)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


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
