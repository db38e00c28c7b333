"""A look at a sound."""

from __future__ import annotations

import av
import numpy as np

from sensorium.data.audio import decode_audio
from sensorium.data.cells import Medium
from sensorium.data.check.likeness import sound_likeness
from sensorium.data.check.look import Fact, Look, Suspicion, content_hash
from sensorium.data.check.streams import describe
from sensorium.data.container import first_stream, open_container
from sensorium.data.settings import DataConfig

SILENT = 0.001
"""Share of full scale that no sample of a silent sound exceeds: 60 decibels below it."""

FLAT = 0.0001
"""Of full scale, between the lowest and the highest sample of a sound that holds nothing."""

CLIPPED = 0.01
"""Share of the samples at full scale above which a sound counts as clipped."""

SHORT_SECONDS = 0.05

MISSING_SHARE, MISSING_SECONDS = 0.05, 0.5
"""A sound that ends earlier than its file says, by more than both of these, is truncated."""


def look_at_audio(medium: Medium, config: DataConfig) -> Look:
    """Decode a sound, or the sound track of a video, as training does, and look at it.

    Raises:
        BrokenSample: it cannot be decoded.
    """
    content, part = medium.content, (medium.start_seconds, medium.end_seconds)
    whole = part == (None, None)
    wave = decode_audio(content, config.audio, *part).numpy()
    with open_container(content) as container:
        track = first_stream(container, "audio")
        said_seconds = (container.duration or 0) / av.time_base
        facts: dict[str, Fact] = {
            "seconds": len(wave) / config.audio.sample_rate,
            "stream": describe(track),
        }
        if whole:
            facts["bytes"] = container.size
    suspicions = _suspicions(wave, config.audio.sample_rate, said_seconds if whole else 0.0)
    silent = any(one.kind in ("silent", "constant") for one in suspicions)
    return Look(
        facts,
        content_hash(content, *part),
        suspicions,
        None if silent else sound_likeness(wave, config.audio.sample_rate),
        part_of=None if whole else content_hash(content),
    )


def _suspicions(wave: np.ndarray, sample_rate: int, said_seconds: float) -> list[Suspicion]:
    found = []
    seconds = len(wave) / sample_rate
    missing = said_seconds - seconds
    if missing > max(MISSING_SECONDS, MISSING_SHARE * said_seconds):
        found.append(Suspicion("truncated", f"{seconds:.2f} s of {said_seconds:.2f} s"))
    if seconds < SHORT_SECONDS:
        found.append(Suspicion("short", f"{seconds:.3f} s"))
    lowest, highest = float(wave.min()), float(wave.max())
    loudest = max(abs(lowest), abs(highest))
    if loudest <= SILENT:
        found.append(Suspicion("silent", f"no sample exceeds {loudest:.5f} of full scale"))
    elif highest - lowest <= FLAT:
        found.append(Suspicion("constant", f"every sample is {highest:.3f} of full scale"))
    elif (clipped := float((np.abs(wave) >= 0.999).mean())) > CLIPPED:
        found.append(Suspicion("clipped", f"{clipped:.1%} of the samples are at full scale"))
    return found
