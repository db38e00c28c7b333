"""A video file of any usual kind -> uint8 [F, 3, H, W]: some of its frames, upright, of one size.

    length -> moments -> the frame shown at each -> pixels -> fitted

Only chosen frames are converted, and only they are kept. Decoding is deterministic; what chance
decides is the segment (`segments.py`) and the augmentation, the same for all frames of a clip.
"""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import torch
from av.video.frame import VideoFrame
from PIL import Image, ImageColor
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.data.augment import AugmentConfig, augment
from sensorium.data.film import Film, Frame, frames_shown, open_film
from sensorium.data.fit import Colour, fitted
from sensorium.data.quarantine import BrokenSample

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".3gp", ".ogv", ".vob", ".mxf"),
)
"""File names that count as videos where a folder or a column is looked through."""


class VideoConfig(Config):
    """Which frames of a video the model sees, in what size, and how they are changed at random."""

    frames: int = Field(default=8, ge=1)
    """Most frames of a clip; a shorter one gives fewer, none of them twice."""
    sampling: Literal["uniform", "random_segment"] = "uniform"
    """Which stretch they are taken from. uniform: the whole; random_segment: `segment_seconds`
    somewhere in it, drawn each time in training (the sound track follows), its middle otherwise."""
    segment_seconds: float = Field(default=4.0, gt=0)
    """Length of that stretch."""
    frames_per_second: float | None = Field(default=None, gt=0)
    """Take frames at this rate, as long as that gives no more than `frames`; otherwise, and if it
    is not set, `frames` of them are spread evenly."""
    size: int = Field(default=64, ge=1)
    """Pixels of each side of the square that the model sees."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """crop: shorter side to `size`, then the centre; pad: keep all; stretch: ignore the aspect."""
    background: str = "white"
    """Colour (name or #rrggbb) behind transparent pixels, beside padded and behind shifted ones."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes in training, the same for all frames of a clip."""
    max_pixels: int = Field(default=64_000_000, ge=1)
    """A video whose frames are larger is refused."""
    max_seconds: float = Field(default=14_400, gt=0)
    """A video, or a part of one that a table names, that is longer is refused."""

    @field_validator("background")
    @classmethod
    def _background_is_a_colour(cls, value: str) -> str:
        ImageColor.getrgb(value)
        return value

    @property
    def colour(self) -> Colour:
        """The background as red, green, blue, 0 to 255."""
        red, green, blue = ImageColor.getrgb(self.background)[:3]
        return red, green, blue


def decode_video(
    content: bytes | Path,
    config: VideoConfig,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> Tensor:
    """Decode some frames of a video, or of a part of it.

    Args:
        content: the bytes of a video file (also GIF, WebP; a picture is a clip of one frame), or
            its path.
        start_seconds: where the part begins; None at the file's begin.
        end_seconds: where it ends; None, or later than the file's end, at the file's end.

    Returns:
        uint8 [F, 3, size, size] with 1 <= F <= `config.frames`.

    Raises:
        BrokenSample: it is missing, empty, damaged so that no frame can be decoded, too large, no
            video, or ends before the part begins.
    """
    with open_film(content) as film:
        _check_size(film.width, film.height, config)
        start, end = part_of(film, start_seconds, end_seconds)
        if end - start > config.max_seconds:
            raise BrokenSample(
                f"{end - start:.0f} s long, more than data.video.max_seconds="
                f"{config.max_seconds:g}; cut it, or name a part by start and end"
            )
        moments = _moments(start, end, config)
        frames = frames_shown(film, moments, lambda frame: _fitted(frame, film, config))
        few = len(moments) > math.ceil((end - start) * film.frames_per_second - 0.5)
    if not frames:
        raise BrokenSample("no frame of it can be decoded: it is truncated or damaged")
    if few:
        frames = [one for i, one in enumerate(frames) if not i or one is not frames[i - 1]]
    return torch.stack(frames)


def part_of(
    film: Film, start_seconds: float | None, end_seconds: float | None
) -> tuple[float, float]:
    """Begin and end of a part, in seconds, within the film.

    Raises:
        BrokenSample: the film ends before the part begins.
    """
    start = start_seconds or 0.0
    end = film.seconds if end_seconds is None else min(end_seconds, film.seconds)
    if start and start >= end:
        raise BrokenSample(
            f"the part from {start:g} s on cannot be shown: the video is {film.seconds:.2f} s long"
            if end_seconds is None or end_seconds > start
            else f"expected a part that begins before it ends, got {start:g} s to {end_seconds:g} s"
        )
    return start, max(start, end)


def augment_video(video: Tensor, config: VideoConfig, draw: Random) -> Tensor:
    """uint8 [F, 3, H, W] -> the same, every frame changed alike."""
    state = draw.getstate()
    frames = []
    for frame in video:
        draw.setstate(state)
        frames.append(augment(frame, config.augment, config.colour, draw))
    return torch.stack(frames)


def _moments(start: float, end: float, config: VideoConfig) -> list[float]:
    """The middle of each of as many equal parts as frames are wanted, in seconds."""
    count, length, rate = config.frames, end - start, config.frames_per_second
    if rate is not None and (at_rate := max(1, math.floor(length * rate + 1e-6))) <= count:
        first = start + (length - at_rate / rate) / 2
        return [first + (i + 0.5) / rate for i in range(at_rate)]
    return [start + (i + 0.5) * length / count for i in range(count)]


def _fitted(frame: Frame, film: Film, config: VideoConfig) -> Tensor:
    """uint8 [3, size, size]."""
    picture = frame.picture
    _check_size(picture.width, picture.height, config)
    if isinstance(picture, VideoFrame):
        pixels = _upright(_pixels(picture, film.pixel_aspect, config), _display_matrix(picture))
    else:
        pixels = np.array(picture.convert("RGBA"))
    if pixels.shape[2] == 4:
        canvas = Image.new("RGBA", pixels.shape[1::-1], config.colour)
        pixels = np.array(Image.alpha_composite(canvas, Image.fromarray(pixels)))
    pixels = np.ascontiguousarray(pixels)
    return fitted(torch.from_numpy(pixels), config.fit, config.size, config.colour)


def _pixels(frame: VideoFrame, pixel_aspect: float, config: VideoConfig) -> np.ndarray:
    """uint8 [H, W, 3], or [H, W, 4] with alpha: any pixel format, pixels made square.

    A large frame is shrunk on the way: twice our size loses nothing.
    """
    width, height = frame.width * pixel_aspect, float(frame.height)
    side = max(width, height) if config.fit == "pad" else min(width, height)
    scale = min(1.0, 2 * config.size / side)
    has_alpha = any(component.is_alpha for component in frame.format.components)
    return frame.to_ndarray(
        format="rgba" if has_alpha else "rgb24",
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
    )


def _display_matrix(frame: VideoFrame) -> np.ndarray | None:
    """How x and y are to be shown, int32 [3, 3], where the camera was not held upright."""
    note = frame.side_data.get("DISPLAYMATRIX")
    if note is None:
        return None
    values = np.frombuffer(note, dtype="=i4")  # type: ignore[call-overload]  # is a buffer
    return values.reshape(3, 3)


def _upright(pixels: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Turned and mirrored in right angles; x' = a x + c y and y' = b x + d y."""
    if matrix is None:
        return pixels
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if abs(b) > abs(a):
        pixels, x, y = pixels.transpose(1, 0, 2), c, b
    else:
        x, y = a, d
    return np.ascontiguousarray(pixels[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])


def _check_size(width: int, height: int, config: VideoConfig) -> None:
    if width * height > config.max_pixels:
        raise BrokenSample(
            f"{width} x {height} pixels, more than data.video.max_pixels={config.max_pixels}"
        )
