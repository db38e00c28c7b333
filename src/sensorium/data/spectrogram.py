"""Samples -> a log-mel spectrogram: how loud each band of hearing is, frame by frame.

    power[t, f] = |STFT(x)[t, f]|^2                mel = power W
    out = 2 max(0, 1 + (10 log10 mel - peak) / range)

A frame stands on every multiple of the hop that lies within the sound, with zeros beyond both ends.
The mel scale and the area of its triangles are Slaney's, as in librosa. The scale is that of the
recording itself: 2 is its loudest value, 0 lies 80 decibels (`range_decibels`) below, where Whisper
cuts it off. So silence and padding are alike, and how loud a recording was made changes nothing.

Shapes: S samples, T frames, K frequencies, M mel bins.

Source: Slaney 1998, "Auditory Toolbox"; Radford et al. 2022, "Robust Speech Recognition via
Large-Scale Weak Supervision" (the range).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from sensorium.data.audio import AudioConfig

SOFTEST_POWER = 1e-10


def log_mel(wave: Tensor, config: AudioConfig) -> Tensor:
    """float32 [S], S > 0, at `config.sample_rate` -> float32 [T, M], T = ceil(S / hop), 0 to 2."""
    power = mel_power(wave, config)
    bels = config.range_decibels / 10
    softest = max(float(power.max()) * 10**-bels, SOFTEST_POWER)
    return power.clamp(min=softest).div(softest).log10().mul(2 / bels)


def mel_power(wave: Tensor, config: AudioConfig) -> Tensor:
    """The power in each band, [T, M]."""
    size = _transform_size(config.window)
    spectrum = torch.stft(
        wave,
        size,
        hop_length=config.hop,
        win_length=config.window,
        window=_window(config.window),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    spectrum = spectrum[:, : math.ceil(len(wave) / config.hop)]
    power = spectrum.real.square() + spectrum.imag.square()
    lowest, highest = config.lowest_hertz, config.highest
    return power.T @ mel_filters(config.sample_rate, size, config.mel_bins, lowest, highest)


@lru_cache(maxsize=8)
def mel_filters(
    sample_rate: int, transform_size: int, mel_bins: int, lowest: float, highest: float
) -> Tensor:
    """Triangles over the frequencies, evenly spaced in mel, each of the same area: [K, M].

    Args:
        transform_size: points of the Fourier transform; K = transform_size / 2 + 1.
        lowest: where the first triangle begins, in Hz.
        highest: where the last one ends.
    """
    mels = torch.linspace(_mel(lowest), _mel(highest), mel_bins + 2, dtype=torch.float64)
    edges = torch.where(mels < 15, mels * 200 / 3, 1000 * torch.exp((mels - 15) * _LOG_STEP))
    frequencies = torch.linspace(0, sample_rate / 2, transform_size // 2 + 1, dtype=torch.float64)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - left) / (centre - left)
    falling = (right - frequencies[:, None]) / (right - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return (triangles * 2 / (right - left)).float()


_LOG_STEP = math.log(6.4) / 27
"""Slaney's scale: a line up to 1000 Hz, which is 15 mel; from there 27 mel for each 6.4 times."""


def _mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + math.log(hertz / 1000) / _LOG_STEP


@lru_cache(maxsize=8)
def _window(samples: int) -> Tensor:
    return torch.hann_window(samples)


def _transform_size(window: int) -> int:
    """The power of two that holds the window."""
    return 1 << (window - 1).bit_length()
