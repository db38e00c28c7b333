"""Sounds of every kind come out as one; what cannot be heard is named."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from tests.data.sounds import LOUDNESS, TONE_HERTZ, encode_sound, loudest_hertz, sweep, tone, wav_of

from sensorium.data.audio import AudioConfig, decode_audio
from sensorium.data.quarantine import BrokenSample

RATE = 16000
CONFIG = AudioConfig(sample_rate=RATE)
KINDS = [
    ("wav", "pcm_u8", 8000, "mono", "u8"),
    ("wav", "pcm_s16le", 44100, "stereo", "s16"),
    ("wav", "pcm_s24le", 44100, "stereo", "s32"),
    ("wav", "pcm_s32le", 96000, "mono", "s32"),
    ("wav", "pcm_f32le", 48000, "5.1", "flt"),
    ("wav", "pcm_f64le", 11025, "mono", "dbl"),
    ("wav", "pcm_s16le", 48000, "7.1", "s16"),
    ("wav", "pcm_mulaw", 8000, "mono", "s16"),
    ("aiff", "pcm_s16be", 22050, "stereo", "s16"),
    ("flac", "flac", 44100, "stereo", "s16"),
    ("mp3", "libmp3lame", 44100, "stereo", "fltp"),
    ("adts", "aac", 44100, "stereo", "fltp"),
    ("adts", "aac", 48000, "7.1", "fltp"),
    ("ogg", "libopus", 48000, "stereo", "flt"),
    ("ipod", "aac", 32000, "mono", "fltp"),
    ("matroska", "libopus", 16000, "mono", "flt"),
]


def broken(content: bytes | Path, *part: float | None, config: AudioConfig = CONFIG) -> str:
    with pytest.raises(BrokenSample) as caught:
        decode_audio(content, config, *part)
    return str(caught.value)


@pytest.mark.parametrize(("container", "codec", "rate", "layout", "sample_format"), KINDS)
def test_every_kind_gives_the_same_sound(
    container: str, codec: str, rate: int, layout: str, sample_format: str
) -> None:
    content = encode_sound(
        tone(1, rate), rate, container, codec, layout=layout, sample_format=sample_format
    )
    wave = decode_audio(content, CONFIG).numpy()
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert len(wave) == pytest.approx(RATE, abs=0.06 * RATE)  # AAC says nothing of its padding
    assert loudest_hertz(wave, RATE) == pytest.approx(TONE_HERTZ, abs=2)
    middle = wave[RATE // 4 : -RATE // 4]
    assert np.sqrt(2 * np.square(middle).mean()) == pytest.approx(LOUDNESS, rel=0.15)


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 9, 24])
def test_channels_are_mixed_by_their_mean(channels: int) -> None:
    """Also where the file does not say which is which; PyAV has crashed from the eighth on."""
    samples = np.zeros((RATE, channels), "<i2")
    samples[:, 0] = 16384
    content = wav_of(samples.tobytes(), rate=RATE, channels=channels)
    wave = decode_audio(content, CONFIG)
    assert len(wave) == RATE
    np.testing.assert_allclose(wave, 0.5 / channels, atol=1e-4)


def test_samples_come_as_they_are_where_the_rate_is_the_same() -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, RATE).astype("<i2")
    wave = decode_audio(wav_of(samples.tobytes(), rate=RATE), CONFIG)
    np.testing.assert_array_equal(wave, (samples / 32768).astype(np.float32))


@pytest.mark.parametrize(
    ("container", "codec", "sample_format"),
    [
        ("wav", "pcm_s16le", "s16"),
        ("flac", "flac", "s16"),
        ("mp3", "libmp3lame", "fltp"),
        ("adts", "aac", "fltp"),
        ("ogg", "libopus", "flt"),
        ("ipod", "aac", "fltp"),
        ("matroska", "libopus", "flt"),
    ],
)
@pytest.mark.parametrize("part", [(0.0, 0.5), (0.25, 1.0), (3.2, 3.9), (9.5, None), (6.0, 99.0)])
def test_a_part_is_that_of_the_whole(
    container: str, codec: str, sample_format: str, part: tuple[float, float | None]
) -> None:
    """Within a millisecond: some containers count no finer."""
    content = encode_sound(sweep(10, 48000), 48000, container, codec, sample_format=sample_format)
    whole = decode_audio(content, CONFIG).numpy()
    found = decode_audio(content, CONFIG, *part).numpy()
    start, end = part[0], len(whole) / RATE if part[1] is None else min(part[1], len(whole) / RATE)
    assert len(found) == pytest.approx((end - start) * RATE, abs=16)
    around = np.pad(whole, 1000)[round(start * RATE) : round(end * RATE) + 2000]
    late = int(np.correlate(around, found, mode="valid").argmax()) - 1000
    assert abs(late) <= 16
    expected = np.pad(whole, 1000)[round(start * RATE) + 1000 + late :][: len(found)]
    assert np.corrcoef(expected, found)[0, 1] > 0.9  # half a sample late, at worst


def test_parts_that_are_none() -> None:
    content = encode_sound(tone(1, RATE), RATE)
    assert broken(content, 2.0, 3.0) == "no sound from 2 s on"
    assert broken(content, 0.5, 0.5) == "the part from 0.5 s to 0.5 s is empty"


@pytest.mark.parametrize(
    ("container", "codec", "sample_format"),
    [
        ("wav", "pcm_s16le", "s16"),
        ("flac", "flac", "s16"),
        ("adts", "aac", "fltp"),
        ("ipod", "aac", "fltp"),
        ("matroska", "libopus", "flt"),
    ],
)
def test_truncated_files_are_named(container: str, codec: str, sample_format: str) -> None:
    content = encode_sound(tone(3, 48000), 48000, container, codec, sample_format=sample_format)
    assert "truncated" in broken(content[: len(content) * 2 // 3])


@pytest.mark.parametrize(
    ("container", "codec", "sample_format"),
    [("mp3", "libmp3lame", "fltp"), ("ogg", "libopus", "flt")],
)
def test_what_cannot_tell_its_length_is_heard_as_far_as_it_goes(
    container: str, codec: str, sample_format: str
) -> None:
    content = encode_sound(tone(3, 48000), 48000, container, codec, sample_format=sample_format)
    assert 0.5 * RATE < len(decode_audio(content[: len(content) // 2], CONFIG)) < 2 * RATE


def test_a_streamed_wav_of_no_stated_length_is_whole() -> None:
    content = bytearray(wav_of(bytes(2 * RATE), rate=RATE))
    content[40:44] = b"\xff" * 4
    assert len(decode_audio(bytes(content), CONFIG)) == RATE


def test_nothing_to_hear_is_named(tmp_path: Path) -> None:
    (tmp_path / "words.wav").write_text("not a sound " * 20)
    assert "no sound or video" in broken(tmp_path / "words.wav")
    assert broken(tmp_path / "none.wav") == "the file is missing"
    os.mkfifo(tmp_path / "pipe.wav")
    assert broken(tmp_path / "pipe.wav") == "a pipe or a device, not a file"
    assert broken(b"") == "the file is empty (0 bytes)"
    assert broken(wav_of(b"", rate=RATE)) == "no sound: 0 samples"


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_sound_are_named(value: float) -> None:
    samples = tone(1, RATE)
    samples[100] = value
    content = wav_of(samples.tobytes(), rate=RATE, bits=32, kind=3)
    assert "no numbers, infinite or beyond any scale" in broken(content)


def test_absurd_lengths_are_refused_before_they_fill_memory(tmp_path: Path) -> None:
    ten_hours = tmp_path / "long.wav"
    with ten_hours.open("wb") as file:
        header = wav_of(b"", rate=8000, bits=8)
        size = 10 * 3600 * 8000
        file.write(header[:-4] + size.to_bytes(4, "little"))
        file.truncate(len(header) + size)
    tracemalloc.start()
    reason = broken(ten_hours)
    assert reason.startswith("36,000 s of sound or more, beyond data.audio.max_seconds=600; name")
    assert len(decode_audio(ten_hours, CONFIG, 35990.0, 35991.0)) == RATE
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_lengths_that_the_header_hides_are_refused(tmp_path: Path) -> None:
    """A header without a length, and one with an absurd sample rate."""
    config = AudioConfig(sample_rate=RATE, max_seconds=2.0)
    content = encode_sound(tone(5, RATE), RATE, "adts", "aac", sample_format="fltp")
    assert "beyond data.audio.max_seconds=2" in broken(content, config=config)
    assert "beyond data.audio.max_seconds=2" in broken(wav_of(bytes(100), rate=1), config=config)
    assert len(decode_audio(content, config, 1.0, 3.0)) == 2 * RATE


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"hop_seconds": 1e-5}, "less than two samples and one"),
        (
            {"highest_hertz": 9000},
            "expected lowest_hertz < highest_hertz <= sample_rate / 2 = 8000",
        ),
        ({"lowest_hertz": 900, "highest_hertz": 800}, "got 900 and 800"),
    ],
)
def test_settings_that_contradict(settings: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        AudioConfig(**settings)
