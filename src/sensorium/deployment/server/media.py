"""Files to be seen and heard: of which kind they are, and a small picture of each.

Words have the picture that they lie beside, a clip has a frame, a sound its bands over time.

Shapes: S samples, T frames and M bins of a spectrogram.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch.nn.functional as F

from sensorium.data import AudioConfig, BrokenSample, VideoConfig, decode_audio, decode_video
from sensorium.data.audio import SUFFIXES as SOUNDS
from sensorium.data.image import SUFFIXES as PICTURES
from sensorium.data.spectrogram import log_mel
from sensorium.data.thumbnail import as_webp, small_picture
from sensorium.data.video import SUFFIXES as VIDEOS
from sensorium.deployment.explain.seen import picture_of_sound
from sensorium.deployment.index import picture_of

SIDE = 192
SOUND_SIDES = (96, 288)
SOUND_SECONDS = 30.0
"""What is drawn of a long sound: its begin."""
KEPT = 512
QUALITY = 85
PLAYABLE = {
    "image": PICTURES,
    "audio": (*SOUNDS, *VIDEOS),
    "video": (*VIDEOS, ".gif", ".webp"),
}

Row = Mapping[str, Any]


def media_type(name: str) -> str:
    """What a browser shall take a file for: a picture, a sound, a video, or bytes that it neither
    shows nor runs."""
    kind = mimetypes.guess_type(name)[0] or ""
    shown = kind.startswith(("image/", "audio/", "video/")) and "svg" not in kind
    return kind if shown else "application/octet-stream"


def playable(row: Row) -> Path | None:
    """The file of a row of an index that a browser may show or play."""
    suffixes = PLAYABLE.get(row["modality"])
    if row["path"] is None or suffixes is None or not row["path"].lower().endswith(suffixes):
        return None
    return Path(row["path"])


def has_picture(row: Row) -> bool:
    """Whether `small` has something to look at, as far as is known without a look."""
    own = row["modality"] in ("audio", "video") and row["path"] is not None
    return own or row["picture"] is not None or row["image_path"] is not None


def small(row: Row, audio: AudioConfig) -> bytes | None:
    """The small picture (WebP) of a row; None where there is none, or none any more.

    Args:
        row: of an index.
        audio: how the model hears.
    """
    try:
        if row["path"] is not None and row["modality"] == "audio":
            return _of_sound(row["path"], audio)
        if row["path"] is not None and row["modality"] == "video":
            return _of_video(row["path"])
        if row["picture"]:
            return _of_picture(row["picture"])
        return _of_file(row["image_path"])
    except BrokenSample:
        return None  # moved or damaged since it was indexed


@lru_cache(KEPT)
def _of_sound(path: str, config: AudioConfig) -> bytes:
    wave = decode_audio(Path(path), config, 0.0, SOUND_SECONDS)  # [S]
    picture = picture_of_sound(log_mel(wave, config))  # [3, M, T]
    resized = F.interpolate(picture[None].float(), SOUND_SIDES, mode="bilinear", antialias=True)
    return as_webp(resized[0].round().byte(), quality=QUALITY)


@lru_cache(KEPT)
def _of_video(path: str) -> bytes:
    frames = decode_video(Path(path), VideoConfig(frames=1, size=SIDE, fit="pad"))
    return as_webp(frames[0], quality=QUALITY)


@lru_cache(KEPT)
def _of_file(path: str | None) -> bytes | None:
    content = picture_of({"picture": None, "image_path": path})
    return None if content is None else _of_picture(content)


def _of_picture(content: bytes) -> bytes:
    return as_webp(small_picture(content, SIDE), quality=QUALITY)
