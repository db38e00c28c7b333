"""What chance does to a sound, and that it follows from (seed, epoch, row) alone."""

import math
from random import Random

import pytest
import torch

from sensorium.data import DataConfig, TextConfig, Tokenizer, build_modalities
from sensorium.data.augment_audio import (
    AudioAugmentConfig,
    augment_wave,
    crop_at_random,
    mask_spectrogram,
    noise_under,
    tilted,
)

STILL = {"shift_seconds": 0, "gain_decibels": 0, "frequency_masks": 0, "time_masks": 0}
RATE = 8000


def still(**changes: float) -> AudioAugmentConfig:
    """Nothing changes but what is said."""
    return AudioAugmentConfig.model_validate(STILL | changes)


def test_a_crop_is_a_stretch_of_the_sound() -> None:
    wave = torch.arange(100.0)
    starts = set()
    for seed in range(200):
        crop = crop_at_random(wave, 98, Random(seed))
        assert torch.equal(crop, wave[int(crop[0]) :][:98])
        starts.add(int(crop[0]))
    assert starts == {0, 1, 2}
    assert torch.equal(crop_at_random(wave, 101, Random(0)), wave)


def test_a_tilt_turns_the_spectrum_about_its_middle() -> None:
    low, high = (torch.sin(torch.arange(RATE) * 2 * torch.pi * hz / RATE) for hz in (8, 3992))
    for tone, decibels in ((low, -10), (high, 10)):
        gain = tilted(tone, 20).norm() / tone.norm()
        assert gain.item() == pytest.approx(10 ** (decibels / 20), rel=0.02)
    torch.testing.assert_close(tilted(low + high, 0), low + high, atol=1e-4, rtol=0)


def test_noise_lies_under_the_sound_by_a_drawn_ratio() -> None:
    wave = torch.sin(torch.arange(RATE) * 0.1)
    config = still(noise_ratio_decibels=20)
    ratios = []
    for seed in range(50):
        noise = augment_wave(wave, config, RATE, Random(seed)) - wave
        ratios.append(20 * (wave.norm() / noise.norm()).log10().item())
        again = augment_wave(wave, config, RATE, Random(seed)) - wave
        assert torch.equal(noise, again)
    assert 20 <= min(ratios) < 25
    assert 55 < max(ratios) <= 60.01


def test_noise_is_white_to_brown() -> None:
    wave = torch.sin(torch.arange(RATE) * 0.1)
    slopes = []
    for seed in range(30):
        power = torch.fft.rfft(noise_under(wave, 0, Random(seed))).abs().square()
        fall = (power[2000:].mean() / power[100:200].mean()).log10() / math.log10(3000 / 150)
        slopes.append(fall.item())  # the power of the frequency that the noise follows
    assert -2.2 < min(slopes) < -1.6
    assert -0.4 < max(slopes) < 0.2


def test_noise_under_silence_is_silence() -> None:
    assert noise_under(torch.zeros(100), 10, Random(0)).abs().max() == 0


def test_a_shift_fills_up_with_silence() -> None:
    wave = torch.arange(1.0, 101.0)
    for seed in range(20):
        shifted = augment_wave(wave, still(shift_seconds=10 / RATE), RATE, Random(seed))
        assert len(shifted) == 100
        late = 1 + int((shifted[50] - 51).neg()) - 1
        assert -10 <= late <= 10
        kept = shifted[max(late, 0) : 100 + min(late, 0)]
        assert torch.equal(kept, wave[max(-late, 0) : 100 - max(late, 0)])
        assert (shifted == 0).sum() == abs(late)


def test_gain_and_speed() -> None:
    wave = torch.sin(torch.arange(RATE) * 0.1)
    louder = [augment_wave(wave, still(gain_decibels=6), RATE, Random(s)) for s in range(50)]
    for part in (slice(0, 200), slice(-200, None)):
        gains = torch.stack([x[part].norm() / wave[part].norm() for x in louder])
        assert gains.min() == pytest.approx(0.5, rel=0.1)
        assert gains.max() == pytest.approx(2.0, rel=0.1)
    lengths = [len(augment_wave(wave, still(speed=0.2), RATE, Random(s))) for s in range(50)]
    assert RATE / 1.2 <= min(lengths) < 0.9 * RATE
    assert 1.15 * RATE < max(lengths) <= RATE / 0.8
    assert torch.equal(augment_wave(wave, still(), RATE, Random(0)), wave)


def test_masks_hide_bands_and_stretches() -> None:
    spectrogram = torch.rand(40, 20) + 1
    config = still(frequency_masks=1, frequency_mask_share=0.25, time_masks=1, time_mask_share=0.5)
    hidden = []
    for seed in range(50):
        masked = mask_spectrogram(spectrogram, config, Random(seed))
        gone = masked != spectrogram
        rows, columns = gone.all(dim=1), gone.all(dim=0)
        assert rows.sum() <= 20
        assert columns.sum() <= 5
        assert torch.equal(gone, rows[:, None] | columns)
        assert torch.all(masked[gone] == spectrogram.mean())
        hidden.append(gone.float().mean())
    assert 0.1 < torch.stack(hidden).mean() < 0.5
    assert torch.equal(mask_spectrogram(spectrogram, still(), Random(0)), spectrogram)


def test_what_the_model_sees_is_never_longer_than_the_longest_stretch() -> None:
    sizes = {"sample_rate": RATE, "seconds": 0.5, "mel_bins": 16, "evaluation_crops": 3}
    config = DataConfig.model_validate({"audio": sizes | {"augment": {"speed": 0.3}}})
    tokenizer = Tokenizer.train(["a"], TextConfig(vocabulary=300))
    audio = build_modalities(config, tokenizer)["audio"]
    frames = config.audio.frames
    assert frames == 50
    long, short = torch.randn(RATE * 4), torch.randn(RATE // 10)
    assert {len(audio.finish(long, Random(seed))) for seed in range(20)} == {frames}
    assert len(audio.finish(long, None)) == 3 * frames
    assert len(audio.finish(short, None)) == 10
    middle = audio.finish(long[len(long) // 2 - 6000 :][:12000], None)
    torch.testing.assert_close(audio.finish(long, None), middle)
    same = [audio.finish(long, Random(7)) for _ in range(2)]
    assert torch.equal(*same)
    assert not torch.equal(same[0], audio.finish(long, Random(8)))
    padded, mask = audio.collate([audio.finish(long, None), audio.finish(short, None)])
    assert padded.shape == (2, 150, 16)
    assert mask is not None
    assert mask.sum(dim=1).tolist() == [150, 10]
    assert not padded[1, 10:].any()
