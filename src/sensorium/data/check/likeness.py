"""Small marks of pictures and sounds by which copies are found again after they were changed.

A copy that was resized, compressed again or made a little louder keeps them. The idea is that of
the difference hash (N. Krawetz, "Kind of Like That", 2013): which of two neighbours is greater.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sensorium.data.check.look import Likeness

HASH_SIDE = 8
GREY_SIDE = 8
COLOUR_SIDE = 4
SOUND_STEPS = 12
WINDOW_SECONDS = 0.032
SOUND_LEVELS = 120
"""From nothing to the loudest, so that what a lossy codec changes is less than what two speakers
of a word do."""

FLOOR = 1e-4
"""Of the power of the loudest band."""

SOUND_HERTZ = (80, 3600)
"""The bands lie between, which every sample rate of 8,000 Hz or more has."""

LEAST_SECONDS, LEVELS_PER_OCTAVE = 0.1, 32
"""The length of a sound counts in its signature, too, in levels above the least."""

DEAD_ZONE = 4
"""Neighbours whose levels (0 to 255) differ by no more count as equal, so that the noise of
compression turns no bit over in flat places."""


def picture_likeness(pixels: np.ndarray) -> Likeness:
    """Of a whole picture, brought to a square.

    Args:
        pixels: uint8 [3, side, side], side a multiple of 16 or so, for the grid to be even.
    """
    levels = pixels.astype(np.float32)
    grey = levels.mean(axis=0)
    colours = _grid(levels, COLOUR_SIDE, COLOUR_SIDE)
    signature = np.append(_grid(grey, GREY_SIDE, GREY_SIDE), colours)
    return Likeness(
        _hash(_grid(grey, HASH_SIDE, HASH_SIDE + 1)), signature.round().astype(np.uint8)
    )


def sound_likeness(wave: np.ndarray, sample_rate: int) -> Likeness:
    """Of a whole sound: how loud it is in eight bands, from its begin to its end.

    Args:
        wave: float32 [S].
        sample_rate: of `wave`, in Hz.
    """
    window = round(WINDOW_SECONDS * sample_rate)
    count = max(SOUND_STEPS, len(wave) // window)
    whole = np.zeros(count * window, np.float32)
    whole[: len(wave)] = wave[: len(whole)]
    spectra = np.fft.rfft(whole.reshape(count, window) * np.hanning(window), axis=1)
    hertz = np.fft.rfftfreq(window, 1 / sample_rate)
    edges = np.searchsorted(hertz, np.geomspace(*SOUND_HERTZ, HASH_SIDE + 1))
    power = np.add.reduceat(np.abs(spectra) ** 2, edges, axis=1)[:, :-1].T  # [bands, windows]
    power /= power.max() + 1e-12
    signature = SOUND_LEVELS * _loudness(_grid(power, HASH_SIDE, SOUND_STEPS)).ravel()
    octaves = np.log2(max(len(wave) / sample_rate, LEAST_SECONDS) / LEAST_SECONDS)
    length = min(255.0, LEVELS_PER_OCTAVE * octaves)
    levels = _loudness(_grid(power, HASH_SIDE, HASH_SIDE + 1))
    return Likeness(_hash(255 * levels), np.append(signature, length).round().astype(np.uint8))


def _loudness(power: np.ndarray) -> np.ndarray:
    """0 to 1, as an ear would have it; below `FLOOR` is the noise of codecs."""
    return (np.maximum(power, FLOOR) ** 0.25 - FLOOR**0.25) / (1 - FLOOR**0.25)


def _grid(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means over a grid of nearly equal cells, [..., rows, columns]."""
    return _means(rows, values.shape[-2]) @ values @ _means(columns, values.shape[-1]).T


@lru_cache(maxsize=64)
def _means(cells: int, length: int) -> np.ndarray:
    """float32 [cells, length]: times a vector, its means over so many nearly equal parts."""
    part = np.arange(length) * cells // length
    chosen = (part == np.arange(cells)[:, None]).astype(np.float32)
    return chosen / chosen.sum(axis=1, keepdims=True)


def _hash(levels: np.ndarray) -> int:
    """A bit for each pair of neighbours in a row of [8, 9] levels: whether the right is greater."""
    bits = np.diff(levels, axis=1) > DEAD_ZONE
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
