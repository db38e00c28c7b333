"""Suspicious sounds, broken ones and copies are named; a sound track is listened to, too."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from av import AudioFrame
from tests.films import grey_levels, tone, write_film

from sensorium.data.check import Report

RATE = 16_000
FSDD = Path(__file__).parents[4] / "shared" / "data" / "fsdd"


def melody(seed: int, seconds: float = 1.0) -> np.ndarray:
    """Tones of random heights, one after the other: float32 [S]."""
    draw = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE / 8)) / RATE
    tones = [np.sin(2 * np.pi * hertz * times) for hertz in draw.uniform(150, 3000, 8)]
    levels = draw.uniform(0.05, 0.6, 8)
    return np.concatenate([level * one for level, one in zip(levels, tones, strict=True)])


def encoded(wave: np.ndarray, format: str = "wav", codec: str = "pcm_s16le") -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        kind = "s16" if codec.startswith("pcm") else "fltp"
        samples = wave * 32767 if kind == "s16" else wave
        samples = samples[None].astype(np.int16 if kind == "s16" else np.float32)
        frame = AudioFrame.from_ndarray(samples, format=kind, layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def write_all(folder: Path, write, **sounds: bytes) -> Path:
    for name, data in sounds.items():
        (folder / f"{name}.wav").write_bytes(data)
    write(folder / "train.jsonl", [{"audio": f"{name}.wav"} for name in sounds])
    return folder / "train.jsonl"


def kinds(report: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for suspect in report.sets[0].suspicious:
        found.setdefault(suspect.id, set()).add(suspect.suspicion.kind)
    return found


def test_suspicious_sounds_are_named(tmp_path: Path, write, check) -> None:
    path = write_all(
        tmp_path,
        write,
        good=encoded(melody(0)),
        silent=encoded(np.zeros(RATE)),
        constant=encoded(np.full(RATE, 0.25)),
        clipped=encoded(np.clip(4 * melody(1), -1, 1)),
        short=encoded(melody(2)[:400]),
    )
    report = check(path)
    assert not report.broken
    assert not report.groups
    assert kinds(report) == {
        "train.jsonl:2": {"silent"},
        "train.jsonl:3": {"constant"},
        "train.jsonl:4": {"clipped"},
        "train.jsonl:5": {"short"},
    }
    (column,) = report.sets[0].columns
    assert column.measures["seconds"].median == pytest.approx(1.0)
    assert column.words["stream"] == {"pcm_s16le audio 16,000 Hz, 1 channel": 5}


def test_broken_sounds_are_named(tmp_path: Path, write, check) -> None:
    whole = encoded(melody(0))
    path = write_all(
        tmp_path, write, good=whole, cut=whole[: len(whole) // 2], empty=b"", words=b"no sound"
    )
    broken = {one.id: one.reason for one in check(path).sets[0].broken}
    assert set(broken) == {f"train.jsonl:{line}" for line in (2, 3, 4)}
    assert "truncated" in broken["train.jsonl:2"]


def test_copies_are_found(tmp_path: Path, write, check) -> None:
    wave = melody(0)
    path = write_all(
        tmp_path,
        write,
        a=encoded(wave),
        b=encoded(melody(1)),
        c=encoded(wave),
        quieter=encoded(0.5 * wave),
        packed=encoded(wave, codec="pcm_mulaw"),
        other=encoded(melody(2)),
    )
    groups = [(group.kind, [one.row for one in group.members]) for group in check(path).groups]
    assert groups == [("same", [0, 2]), ("alike", [0, 2, 3, 4])]


def test_the_sound_track_of_a_video(tmp_path: Path, write, check) -> None:
    write_film(tmp_path / "a.mp4", grey_levels(50), sound=tone(0.2, 2.0))
    write_film(tmp_path / "b.mp4", grey_levels(50, step=5), sound=np.zeros(2 * RATE))
    write_film(tmp_path / "c.mp4", grey_levels(50, step=3))
    write(tmp_path / "train.jsonl", [{"video": f"{name}.mp4"} for name in "abc"])
    report = check(tmp_path / "train.jsonl")
    assert kinds(report) == {"train.jsonl:2": {"silent"}}
    counts = {column.modality: column.samples for column in report.sets[0].columns}
    assert counts == {"video": 3, "audio": 2}


@pytest.mark.skipif(not FSDD.is_dir(), reason="needs ../shared/data/fsdd")
def test_real_recordings_of_a_word_are_no_copies(check) -> None:
    report = check(FSDD / "test.jsonl")
    (one,) = report.sets
    assert (one.samples, one.broken, report.groups) == (300, [], [])
    assert len(one.labels["label"]) == 10
    assert any(giveaway.column == "label" for giveaway in one.giveaways)
