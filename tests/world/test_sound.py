"""Each object is heard at its time, with its pitch, for as long as its size says."""

import wave
from pathlib import Path

import numpy as np
import pytest
from tests.world.conftest import read_rows

from sensorium.world.scene import SCENE_SECONDS
from sensorium.world.sound import SAMPLE_RATE
from sensorium.world.vocabulary import COLOURS, SHAPES, SIZES

LENGTHS = {size.name: size.sound_seconds for size in SIZES}


def read_sound(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        facts = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        assert facts == (1, 2, SAMPLE_RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def pitch_of(sound: np.ndarray) -> float:
    """The frequency of the strongest part, in Hz."""
    strength = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * SAMPLE_RATE))
    return float(strength.argmax()) / 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_sounds_are_heard_at_their_times_and_pitch(world: Path, split: str) -> None:
    for row in read_rows(world, split):
        track = read_sound(world / row["audio"])
        assert len(track) == round(SCENE_SECONDS * SAMPLE_RATE)
        silent = np.ones(len(track), bool)
        heard = sorted((o for o in row["objects"] if o["sound"]), key=lambda o: o["sound"])
        assert heard
        for thing in heard:
            start, end = (round(time * SAMPLE_RATE) for time in thing["sound"])
            assert end - start == pytest.approx(LENGTHS[thing["size"]] * SAMPLE_RATE, abs=1)
            silent[start:end] = False
            assert pitch_of(track[start:end]) == pytest.approx(thing["pitch_hertz"], abs=2)
            assert np.abs(track[start : start + SAMPLE_RATE // 20]).max() > 1500
        assert not track[silent].any()
        assert row["sound_order"] == [f"{o['colour']} {o['shape']}" for o in heard]
        assert row["first_sound"] == heard[0]["shape"]


def test_pitches_are_a_third_apart() -> None:
    pitches = [colour.pitch_hertz for colour in COLOURS]
    assert np.allclose(np.divide(pitches[1:], pitches[:-1]), 2 ** (1 / 3), atol=1e-3)


@pytest.mark.parametrize("pitch", [220.0, 1108.7])
def test_timbres_differ_at_every_pitch(pitch: float) -> None:
    tones = [shape.timbre.tone(pitch, 0.6, SAMPLE_RATE) for shape in SHAPES]
    assert np.allclose([np.abs(tone).max() for tone in tones], 0.5)
    for index, tone in enumerate(tones):
        for other in tones[index + 1 :]:
            alike = tone @ other / np.sqrt((tone @ tone) * (other @ other))
            assert alike < 0.98
