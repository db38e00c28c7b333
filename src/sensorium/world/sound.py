"""Plays a scene: shape is heard as timbre, colour as pitch, size as length."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensorium.world.scene import SCENE_SECONDS, Scene

SAMPLE_RATE = 8000
"""In Hz."""

Samples = NDArray[np.int16]


def play_sounds(scene: Scene) -> Samples:
    """The sounds of the whole scene, 16 bits, mono [S]; the slots keep them apart."""
    track = np.zeros(round(SCENE_SECONDS * SAMPLE_RATE))
    for thing in scene.sounders:
        timbre, pitch = thing.shape.timbre, thing.colour.pitch_hertz
        tone = timbre.tone(pitch, thing.size.sound_seconds, SAMPLE_RATE)
        assert thing.sound is not None, "it sounds"
        start = round(thing.sound[0] * SAMPLE_RATE)
        track[start : start + len(tone)] += tone
    return np.round(track * np.iinfo(np.int16).max).astype(np.int16)


def write_sound(path: Path, samples: Samples) -> None:
    """Write a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
