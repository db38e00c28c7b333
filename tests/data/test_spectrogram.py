"""The spectrogram agrees with librosa's."""

import numpy as np
import pytest
import torch

from sensorium.data.audio import AudioConfig
from sensorium.data.spectrogram import log_mel, mel_power


@pytest.mark.parametrize(
    ("sample_rate", "mel_bins", "samples", "lowest"),
    [(16000, 64, 16000, 20.0), (8000, 40, 3333, 0.0), (44100, 128, 44100, 50.0), (16000, 80, 1, 0)],
)
@pytest.mark.filterwarnings("ignore")  # librosa's own
def test_power_is_that_of_librosa(
    sample_rate: int, mel_bins: int, samples: int, lowest: float
) -> None:
    librosa = pytest.importorskip("librosa")
    config = AudioConfig(sample_rate=sample_rate, mel_bins=mel_bins, lowest_hertz=lowest)
    wave = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    ours = mel_power(wave, config)
    theirs = librosa.feature.melspectrogram(
        y=wave.numpy(),
        sr=sample_rate,
        n_fft=1 << (config.window - 1).bit_length(),
        hop_length=config.hop,
        win_length=config.window,
        n_mels=mel_bins,
        fmin=lowest,
        fmax=sample_rate / 2,
    ).T[: -(-samples // config.hop)]
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * theirs.max())


def test_frames_and_range() -> None:
    config = AudioConfig(seconds=1.0)
    assert config.frames == 100
    wave = torch.sin(torch.arange(16000) * 0.3) * torch.linspace(0, 1, 16000)
    spectrogram = log_mel(wave, config)
    assert spectrogram.shape == (100, 64)
    assert spectrogram.max() == pytest.approx(2.0)
    assert spectrogram.min() >= 0
    torch.testing.assert_close(log_mel(wave / 10, config), spectrogram, atol=1e-3, rtol=0)
    # Ten times softer is 20 decibels lower.
    fading = log_mel(torch.cat([wave, wave.flip(0) / 10]), config)
    torch.testing.assert_close(fading[:99], spectrogram[:99], atol=1e-3, rtol=0)
    assert fading[102:].max() == pytest.approx(1.5, abs=0.05)
    assert torch.equal(log_mel(torch.zeros(1601), config), torch.zeros(11, 64))


def test_a_smaller_range_makes_silence_of_what_is_soft() -> None:
    loud = torch.sin(torch.arange(4000) * 0.5)
    wave = torch.cat([loud, loud * 10 ** (-50 / 20)])
    wide, narrow = (
        log_mel(wave, AudioConfig(sample_rate=8000, mel_bins=40, range_decibels=decibels))
        for decibels in (80, 40)
    )
    assert wide.max() == narrow.max() == 2
    assert wide[70:].max().item() == pytest.approx(2 * (1 - 50 / 80), abs=0.02)
    assert narrow[70:].max() == 0
    torch.testing.assert_close(narrow, (2 - (2 - wide) * 2).clamp(min=0), atol=1e-5, rtol=0)
