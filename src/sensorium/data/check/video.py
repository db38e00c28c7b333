"""A look at a video."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from av.video.frame import VideoFrame

from sensorium.data.cells import Medium
from sensorium.data.check.likeness import picture_likeness
from sensorium.data.check.look import Fact, Look, Suspicion, content_hash
from sensorium.data.check.streams import media_file
from sensorium.data.film import Film, Frame, open_film
from sensorium.data.quarantine import BrokenSample
from sensorium.data.settings import DataConfig
from sensorium.data.video import part_of

SIDE = 64
"""Pixels of the square that a frame is looked at in."""

LOOKED_AT = 16
"""Frames, evenly spread, whose pixels are looked at; all are decoded."""

BLACK = 16
"""Level, of 255, that no pixel of a black frame exceeds."""

FLAT = 3
"""Levels by which a block of pixels may change in a video that stands still."""

BLOCK = 4
"""Pixels of a side of such a block: what compression does to single pixels is no motion."""

MISSING_SHARE, MISSING_SECONDS = 0.05, 0.5
"""A video that ends earlier than its file says, by more than both of these, is truncated."""


@dataclass
class Watched:
    """What is left of the frames of a video.

    Attributes:
        frames: how many were decoded.
        damaged: of them, those that their decoder marked so.
        end_seconds: when the last one ceases to be shown.
        pictures: uint8 [3, SIDE, SIDE], of frames all over the video.
    """

    frames: int = 0
    damaged: int = 0
    end_seconds: float = 0.0
    pictures: list[np.ndarray] = field(default_factory=list)


def look_at_video(medium: Medium, config: DataConfig) -> Look:
    """Decode every frame of a video, or of a part of it, and look at some.

    Raises:
        BrokenSample: no frame can be decoded, or it is longer or larger than training takes.
    """
    content, part = medium.content, (medium.start_seconds, medium.end_seconds)
    with open_film(content) as film:
        start, end = part_of(film, *part)
        _refuse(film, end - start, config)
        watched = _watch(film, start, end)
        size, seconds = f"{film.width} x {film.height}", film.seconds
    if not watched.frames:
        raise BrokenSample("no frame of it can be decoded: it is truncated or damaged")
    file = media_file(content, seconds)
    whole = part == (None, None)
    facts: dict[str, Fact] = {
        "seconds": end - start,
        "frames": watched.frames,
        "size": size,
        "streams": file.kinds,
    }
    if whole:
        facts["bytes"] = len(content) if isinstance(content, bytes) else content.stat().st_size
    lit = next((one for one in watched.pictures if np.ptp(one) > BLACK), None)
    return Look(
        facts,
        content_hash(content, *part),
        _suspicions(watched, start, end),
        # Neighbouring parts of one file look alike as a rule: that says nothing.
        picture_likeness(lit) if whole and lit is not None else None,
        file,
        None if whole else content_hash(content),
    )


def _refuse(film: Film, seconds: float, config: DataConfig) -> None:
    """What training refuses need not be decoded, either."""
    limits = config.video
    if seconds > limits.max_seconds:
        raise BrokenSample(
            f"{seconds:,.0f} s long, more than data.video.max_seconds={limits.max_seconds:g}"
        )
    if film.width * film.height > limits.max_pixels:
        size, seconds = f"{film.width} x {film.height}", film.seconds
        raise BrokenSample(f"{size} pixels, more than data.video.max_pixels={limits.max_pixels}")


def _watch(film: Film, start: float, end: float) -> Watched:
    watched = Watched()
    frames = (film.frames_from(start) if start else None) or film.frames()
    for frame in frames:
        if frame.end_seconds <= start:
            continue
        if frame.start_seconds >= end > start:
            break
        due = start + len(watched.pictures) * (end - start) / LOOKED_AT
        if frame.start_seconds >= due or not watched.pictures:
            watched.pictures.append(_pixels(frame))
        watched.frames += 1
        watched.damaged += bool(getattr(frame.picture, "is_corrupt", False))
        watched.end_seconds = max(watched.end_seconds, frame.end_seconds)
    return watched


def _pixels(frame: Frame) -> np.ndarray:
    """uint8 [3, SIDE, SIDE], the frame stretched."""
    picture = frame.picture
    if isinstance(picture, VideoFrame):
        pixels = picture.to_ndarray(format="rgb24", width=SIDE, height=SIDE)
    else:
        pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)))
    return pixels.transpose(2, 0, 1)


def _suspicions(watched: Watched, start: float, end: float) -> list[Suspicion]:
    found = []
    seconds, shown = end - start, watched.end_seconds - start
    if seconds - shown > max(MISSING_SECONDS, MISSING_SHARE * seconds):
        found.append(Suspicion("truncated", f"{shown:.2f} s of {seconds:.2f} s can be decoded"))
    if watched.damaged:
        found.append(Suspicion("damaged frames", f"{watched.damaged:,} of {watched.frames:,}"))
    if watched.frames == 1:
        found.append(Suspicion("one frame", f"of {seconds:.2f} s"))
    brightest = max(int(one.max()) for one in watched.pictures)
    blocks = np.stack(watched.pictures).reshape(-1, 3, SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK)
    motion = np.ptp(blocks.mean(axis=(3, 5)), axis=0).max()
    if brightest <= BLACK:
        found.append(Suspicion("black", f"no pixel is brighter than {brightest} of 255"))
    elif len(watched.pictures) > 1 and motion <= FLAT:
        found.append(Suspicion("still", f"nothing moves in {watched.frames:,} frames"))
    return found
