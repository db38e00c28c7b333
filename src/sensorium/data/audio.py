"""The sound of any file that FFmpeg reads -> float32 [S], mono, at one sample rate.

Decoding is deterministic, so its result can be kept; what is random is in `augment_audio.py`.
"""

from __future__ import annotations

import io
import math
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import torch
from av import AudioFrame, AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from pydantic import Field, model_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.data.augment_audio import AudioAugmentConfig
from sensorium.data.container import first_stream, open_container
from sensorium.data.quarantine import BrokenSample

SUFFIXES = (
    *(".wav", ".wave", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".au", ".caf", ".sph", ".wv"),
    *(".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".amr", ".ac3", ".mka", ".ape"),
)
"""File names that count as sounds where a folder or a column is looked through."""

SIGNATURES = (b"fLaC", b"OggS", b"ID3", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xf9")
"""First bytes of the usual sound files; those of WAV and AIFF have their name at the ninth."""

WARM_UP_SECONDS = 0.5
"""Decoded in front of a part and thrown away: codecs such as MP3 and Opus need what came before."""

LOUDEST = 1e6
"""Samples beyond this multiple of full scale are damage, and would overflow a spectrogram."""

SHORT_SECONDS, SHORT_SHARE = 0.2, 0.02
"""A file with less sound than it says, by more than both of these, is truncated."""

EXACT_DURATIONS = ("mov", "matroska", "flac")
"""Containers whose own word on their duration is exact; that of others is often an estimate."""


class AudioConfig(Config):
    """How a sound becomes a spectrogram, and which random changes it gets in training."""

    sample_rate: int = Field(default=16000, ge=1000)
    """Samples a second, in Hz, to which every sound is brought."""
    seconds: float = Field(default=10.0, gt=0)
    """Longest stretch that the model sees at once. Training cuts one out of a longer recording at
    random."""
    evaluation_crops: int = Field(default=1, ge=1)
    """Evaluation takes up to so many stretches of `seconds`, side by side, out of the middle of a
    longer recording; the encoder sees them one by one and joins their tokens."""
    mel_bins: int = Field(default=64, ge=1)
    """Frequency bands of the spectrogram."""
    window_seconds: float = Field(default=0.025, gt=0)
    """Length of the stretch whose frequencies are measured for one frame."""
    hop_seconds: float = Field(default=0.01, gt=0)
    """Time from one frame to the next."""
    lowest_hertz: float = Field(default=20.0, ge=0)
    """Where the lowest band begins."""
    highest_hertz: float | None = Field(default=None, gt=0)
    """Where the highest band ends; not set: half of the sample rate."""
    range_decibels: float = Field(default=80.0, gt=0)
    """What is softer than a recording's loudest by more than this counts as silence; 80 as Whisper,
    less where recordings differ in their background and only the foreground matters."""
    augment: AudioAugmentConfig = AudioAugmentConfig()
    """Random changes in training."""
    max_seconds: float = Field(default=600.0, gt=0)
    """A recording, or a part that a row names of one, that is longer is broken."""

    @model_validator(mode="after")
    def _bands_fit(self) -> AudioConfig:
        if self.hop < 1 or self.window < 2:
            raise ValueError(
                f"window_seconds={self.window_seconds:g} and hop_seconds={self.hop_seconds:g} are "
                f"less than two samples and one at sample_rate={self.sample_rate}"
            )
        if self.highest > self.sample_rate / 2 or self.lowest_hertz >= self.highest:
            raise ValueError(
                "expected lowest_hertz < highest_hertz <= sample_rate / 2 = "
                f"{self.sample_rate / 2:g}, got {self.lowest_hertz:g} and {self.highest:g}"
            )
        return self

    @property
    def window(self) -> int:
        """`window_seconds` in samples."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def hop(self) -> int:
        """`hop_seconds` in samples."""
        return round(self.hop_seconds * self.sample_rate)

    @property
    def highest(self) -> float:
        """Where the highest band ends, in Hz."""
        return self.sample_rate / 2 if self.highest_hertz is None else self.highest_hertz

    @property
    def crop(self) -> int:
        """`seconds` in samples, at least one."""
        return max(1, round(self.seconds * self.sample_rate))

    @property
    def frames(self) -> int:
        """Frames of the spectrogram of `seconds`."""
        return math.ceil(self.crop / self.hop)


def decode_audio(
    content: bytes | Path,
    config: AudioConfig,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> Tensor:
    """Decode the first sound track of a file; channels are mixed by their mean.

    Time begins where the file does: where a track of a video begins later than its pictures, as
    much silence is put before it.

    Args:
        content: the bytes of a sound or video file, or its path.
        start_seconds: where the part to decode begins; the file is not read from its start.
        end_seconds: where it ends; what lies beyond the end of the file is left out.

    Returns:
        float32 [S], full scale at -1 and 1.

    Raises:
        BrokenSample: no file, no sound, truncated, damaged, or longer than `config.max_seconds`.
    """
    start = start_seconds or 0.0
    if end_seconds is not None and end_seconds <= start:
        raise BrokenSample(f"the part from {start:g} s to {end_seconds:g} s is empty")
    with open_container(content) as container:
        track = first_stream(container, "audio")
        assert isinstance(track, AudioStream)
        if container.format.name == "wav":
            _refuse_short_wav(content)
        _refuse_long(_said_seconds(container, track, start, end_seconds), config)
        if start > WARM_UP_SECONDS:
            _seek(container, start - WARM_UP_SECONDS)
        wave, begin = _read(container, track, start, end_seconds, config)
        if end_seconds is None and len(wave):
            _refuse_truncated(container, track, begin + len(wave) / config.sample_rate)
    wave = _placed(wave, round((begin - start) * config.sample_rate))
    if end_seconds is not None:
        wave = wave[: round((end_seconds - start) * config.sample_rate)]
    if not len(wave):
        raise BrokenSample(f"no sound from {start:g} s on" if start else "no sound: 0 samples")
    if not np.abs(wave).max() <= LOUDEST:  # not a number fails, too
        raise BrokenSample("samples that are no numbers, infinite or beyond any scale")
    return torch.from_numpy(wave)


def begins_as_sound(content: bytes) -> bool:
    """Whether a file that begins so is one of the usual sound files."""
    return content.startswith(SIGNATURES) or content[8:12] in (b"WAVE", b"AIFF", b"AIFC")


class _Mixer:
    """Frames of any rate, sample format and channels -> mono float32 at one rate."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._parts: list[np.ndarray] = []
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def add(self, frame: AudioFrame) -> None:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:  # some files change it on their way
            self._flush()
            # Interleaved: PyAV reads beyond the planes of a planar frame of eight channels.
            self._resampler = AudioResampler(format="flt", rate=self.sample_rate)
            self._kind = kind
        assert self._resampler is not None
        self._take(self._resampler.resample(frame))

    def mixed(self) -> np.ndarray:
        """All of it, [S]."""
        self._flush()
        return np.concatenate([np.empty(0, np.float32), *self._parts])

    def _flush(self) -> None:
        if self._resampler is not None:
            self._take(self._resampler.resample(None))
            self._resampler = None

    def _take(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
            self._parts.append(samples.mean(axis=1, dtype=np.float32))


def _read(
    container: InputContainer,
    track: AudioStream,
    start: float,
    end: float | None,
    config: AudioConfig,
) -> tuple[np.ndarray, float]:
    """Samples [S] of all frames that touch the part, and the time of the first, in seconds."""
    mixer = _Mixer(config.sample_rate)
    begin: float | None = None
    time = kept = 0.0
    for frame in container.decode(track):
        if frame.time is not None:
            time = frame.time - _begin(container)
        seconds = frame.samples / frame.sample_rate
        if end is not None and time >= end:
            break
        if time + seconds > start - WARM_UP_SECONDS:
            begin = time if begin is None else begin
            kept += seconds
            _refuse_long(kept + max(0.0, begin - start) - 2 * WARM_UP_SECONDS, config)
            mixer.add(frame)
        time += seconds
    return mixer.mixed(), start if begin is None else begin


def _begin(container: InputContainer) -> float:
    """The file's own time where it begins, in seconds."""
    return (container.start_time or 0) / av.time_base


def _seek(container: InputContainer, seconds: float) -> None:
    # Where a format cannot, what comes before the part is decoded and dropped.
    with suppress(av.FFmpegError):
        container.seek(round((seconds + _begin(container)) * av.time_base))


def _placed(wave: np.ndarray, late: int) -> np.ndarray:
    """The sound that begins `late` samples after the part does: silence before it, or cut."""
    if late <= 0:
        return wave[-late:]
    return np.concatenate([np.zeros(late, np.float32), wave]) if len(wave) else wave


def _said_seconds(
    container: InputContainer, track: AudioStream, start: float, end: float | None
) -> float:
    """How long the part is, as the file's header says; 0 where it says nothing."""
    if track.duration is not None and track.time_base is not None:
        whole = float(track.duration * track.time_base)
    else:
        whole = (container.duration or 0) / av.time_base
    return (whole if end is None else min(whole, end)) - start


def _refuse_long(seconds: float, config: AudioConfig) -> None:
    if seconds > config.max_seconds:
        raise BrokenSample(
            f"{seconds:,.0f} s of sound or more, beyond data.audio.max_seconds="
            f"{config.max_seconds:g}; name parts of it by start and end"
        )


def _refuse_truncated(container: InputContainer, track: AudioStream, end: float) -> None:
    if not container.format.name.startswith(EXACT_DURATIONS):
        return
    said = _said_seconds(container, track, 0.0, None)
    if said - end > max(SHORT_SECONDS, SHORT_SHARE * said):
        raise BrokenSample(f"truncated: {end:.1f} s of sound, of {said:.1f} s that it says")


def _refuse_short_wav(content: bytes | Path) -> None:
    """FFmpeg takes a WAV file that ends too early for a short one; its header tells them apart."""
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        missing = _missing_wav_bytes(file)
    if missing > 0:
        raise BrokenSample(f"truncated: the last {missing:,} bytes of its sound are missing")


def _missing_wav_bytes(file: BinaryIO) -> int:
    header = file.read(12)
    if header[:4] != b"RIFF" or header[8:] != b"WAVE":
        return 0
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        begin = file.tell()
        if name == b"data":
            streamed = size >= 0x7FFFFF00  # written before the length was known
            return 0 if streamed else begin + size - file.seek(0, io.SEEK_END)
        file.seek(begin + size + size % 2)
    return 0
