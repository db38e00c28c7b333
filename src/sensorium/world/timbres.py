"""The timbres of the shapes: which harmonics a tone has, and how it swells and fades.

Shapes: S samples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]

_PEAK = 0.5
_EDGE_SECONDS = 0.01  # a tone that begins or ends at once clicks
_HIGHEST_SHARE = 0.45  # of the sample rate: harmonics above would fold back
_TWINKLES_PER_SECOND = 12.0


@dataclass(frozen=True)
class Timbre:
    """How a shape sounds.

    Attributes:
        harmonics: amplitudes of the pitch, of twice the pitch, and so on.
        envelope: (seconds since the begin [S], length in seconds) -> loudness [S], 0 to 1.
    """

    harmonics: tuple[float, ...]
    envelope: Callable[[Wave, float], Wave]

    def tone(self, pitch_hertz: float, length_seconds: float, sample_rate: int) -> Wave:
        """The sound [S] of one object, at most half of full scale."""
        seconds = np.arange(round(length_seconds * sample_rate)) / sample_rate
        wave = np.zeros_like(seconds)
        for number, amplitude in enumerate(self.harmonics, start=1):
            if number * pitch_hertz < _HIGHEST_SHARE * sample_rate:
                wave += amplitude * np.sin(2 * np.pi * number * pitch_hertz * seconds)
        edge = np.minimum(seconds, length_seconds - seconds) / _EDGE_SECONDS
        wave *= self.envelope(seconds, length_seconds) * np.minimum(edge, 1)
        return _PEAK * wave / np.abs(wave).max()


def _steady(seconds: Wave, length: float) -> Wave:
    return np.ones_like(seconds)


def _dying(seconds: Wave, length: float) -> Wave:
    return np.exp(-4 * seconds / length)


def _twinkling(seconds: Wave, length: float) -> Wave:
    return (1 + np.cos(2 * np.pi * _TWINKLES_PER_SECOND * seconds)) / 2


def _beating_twice(seconds: Wave, length: float) -> Wave:
    return np.sin(2 * np.pi * seconds / length) ** 2


CIRCLE = Timbre((1,), _steady)
"""A pure tone."""
SQUARE = Timbre((1, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7), _steady)
"""A square wave: odd harmonics."""
TRIANGLE = Timbre((1, 0, 0, 0.6), _dying)
"""Struck, like the instrument."""
STAR = Timbre((1, 0.6), _twinkling)
"""It twinkles."""
CROSS = Timbre((1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7, 1 / 8), _steady)
"""A sawtooth: all harmonics."""
HEART = Timbre((1, 0, 0.5), _beating_twice)
"""Two beats."""
