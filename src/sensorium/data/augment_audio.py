"""Random changes to a sound, drawn anew each epoch: to its samples, then to its spectrogram.

Every draw comes from a generator that the caller seeds by (seed, epoch, row), as in `augment.py`.

Shapes: S samples, T frames, M mel bins.
"""

from __future__ import annotations

from random import Random

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sensorium.config import Config

SOFTEST_NOISE_DECIBELS = 60.0


class AudioAugmentConfig(Config):
    """Which random changes a training sound gets."""

    shift_seconds: float = Field(default=0.1, ge=0)
    """Move the sound by up to this time, either way; silence fills the gap."""
    gain_decibels: float = Field(default=6.0, ge=0)
    """Make it louder or softer by up to this much, otherwise at its begin than at its end: a
    spectrogram does not show what is the same throughout."""
    speed: float = Field(default=0.0, ge=0, lt=1)
    """Play it faster or slower by up to this share, which changes its pitch, too."""
    tilt_decibels: float = Field(default=0.0, ge=0)
    """Make its highest frequencies louder or softer than its lowest by up to this much, as another
    microphone would."""
    noise_ratio_decibels: float | None = None
    """Add noise that is softer than the sound by this much or more, up to 60: the least ratio of
    signal to noise. Its colour is drawn, from white to brown."""
    frequency_masks: int = Field(default=2, ge=0)
    """SpecAugment: so many bands of the spectrogram are hidden."""
    frequency_mask_share: float = Field(default=0.15, ge=0, le=1)
    """Widest of them, as a share of the mel bins."""
    time_masks: int = Field(default=2, ge=0)
    """SpecAugment: so many stretches of the spectrogram are hidden."""
    time_mask_share: float = Field(default=0.1, ge=0, le=1)
    """Longest of them, as a share of the frames."""


def crop_at_random(wave: Tensor, samples: int, draw: Random) -> Tensor:
    """A random stretch [samples] of a longer sound [S]; a shorter one is left whole."""
    start = int(draw.random() * (max(len(wave) - samples, 0) + 1))
    return wave[start : start + samples]


def augment_wave(
    wave: Tensor, config: AudioAugmentConfig, sample_rate: int, draw: Random
) -> Tensor:
    """A changed copy of a sound.

    Args:
        wave: float32 [S], not written to.
        sample_rate: in Hz.
        draw: the source of all chance.

    Returns:
        float32 [S], as long as `wave` unless its speed changes.

    Source: Ko et al. 2015, "Audio Augmentation for Speech Recognition" (speed).
    """
    if config.speed:
        samples = max(1, round(len(wave) / (1 + draw.uniform(-config.speed, config.speed))))
        wave = F.interpolate(wave[None, None], size=samples, mode="linear")[0, 0]
    limit = min(round(config.shift_seconds * sample_rate), len(wave) // 2)
    late = int(draw.random() * (2 * limit + 1)) - limit
    # A negative padding cuts.
    wave = F.pad(wave, (late, -late))
    begin, end = (draw.uniform(-config.gain_decibels, config.gain_decibels) for _ in range(2))
    wave = wave * 10 ** (torch.linspace(begin, end, len(wave)) / 20)
    if config.tilt_decibels:
        wave = tilted(wave, draw.uniform(-config.tilt_decibels, config.tilt_decibels))
    if config.noise_ratio_decibels is not None:
        wave = wave + noise_under(wave, config.noise_ratio_decibels, draw)
    return wave


def tilted(wave: Tensor, decibels: float) -> Tensor:
    """A sound [S] whose gain changes evenly, over its frequencies, by so much in all."""
    spectrum = torch.fft.rfft(wave, n=_power_of_two(len(wave)))
    gain = torch.linspace(-decibels / 2, decibels / 2, len(spectrum))
    return torch.fft.irfft(spectrum * 10 ** (gain / 20))[: len(wave)]


def noise_under(wave: Tensor, ratio_decibels: float, draw: Random) -> Tensor:
    """Noise [S] of a drawn colour, `ratio_decibels` to 60 softer than the sound [S].

    The power of a frequency falls with its 0th (white) to 2nd power (brown).
    """
    generator = torch.Generator().manual_seed(draw.getrandbits(63))
    spectrum = torch.fft.rfft(torch.randn(_power_of_two(len(wave)), generator=generator))
    fall = draw.uniform(0, 1)
    spectrum = spectrum * torch.arange(1, len(spectrum) + 1).pow(-fall)
    noise = torch.fft.irfft(spectrum)[: len(wave)]
    softer = draw.uniform(min(ratio_decibels, SOFTEST_NOISE_DECIBELS), SOFTEST_NOISE_DECIBELS)
    loudness = wave.square().mean().sqrt() / noise.square().mean().sqrt().clamp(min=1e-12)
    return noise * (loudness * 10 ** (-softer / 20))


def _power_of_two(samples: int) -> int:
    """The least that holds them, and at least 2: a transform of any other length is many times
    slower."""
    return 1 << max(1, (samples - 1).bit_length())


def mask_spectrogram(spectrogram: Tensor, config: AudioAugmentConfig, draw: Random) -> Tensor:
    """A copy of a spectrogram [T, M] with some bands and stretches set to its mean.

    Source: Park et al. 2019, "SpecAugment".
    """
    hidden = torch.zeros(spectrogram.shape, dtype=torch.bool)
    for _ in range(config.frequency_masks):
        hidden[:, _stretch(spectrogram.shape[1], config.frequency_mask_share, draw)] = True
    for _ in range(config.time_masks):
        hidden[_stretch(spectrogram.shape[0], config.time_mask_share, draw)] = True
    return torch.where(hidden, spectrogram.mean(), spectrogram)


def _stretch(length: int, share: float, draw: Random) -> slice:
    size = int(draw.random() * (int(share * length) + 1))
    start = int(draw.random() * (length - size + 1))
    return slice(start, start + size)
