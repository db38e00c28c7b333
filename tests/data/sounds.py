"""Sound files of many kinds, made anew."""

import io
import struct

import av
import numpy as np

TONE_HERTZ = 440.0
LOUDNESS = 0.5


def tone(seconds: float, rate: int, hertz: float = TONE_HERTZ) -> np.ndarray:
    """A sine, float32 [S]."""
    times = np.arange(round(seconds * rate)) / rate
    return (LOUDNESS * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def sweep(seconds: float, rate: int) -> np.ndarray:
    """A tone that rises from 200 to 4000 Hz: no two moments of it are alike."""
    times = np.arange(round(seconds * rate)) / rate
    cycles = 200 * times + (4000 - 200) / (2 * seconds) * times**2
    return (LOUDNESS * np.sin(2 * np.pi * cycles)).astype(np.float32)


def loudest_hertz(wave: np.ndarray, rate: int) -> float:
    """The frequency that is heard most."""
    spectrum = np.abs(np.fft.rfft(wave))
    return float(np.fft.rfftfreq(len(wave), 1 / rate)[spectrum.argmax()])


def encode_sound(
    wave: np.ndarray,
    rate: int,
    container: str = "wav",
    codec: str = "pcm_s16le",
    *,
    layout: str = "mono",
    sample_format: str = "s16",
) -> bytes:
    """A file with `wave` [S] in every channel."""
    file = io.BytesIO()
    convert = av.AudioResampler(format=sample_format)
    channels = av.AudioLayout(layout).nb_channels
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        for start in range(0, len(wave), 1024):
            block = wave[start : start + 1024].repeat(channels)[None]
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            for converted in convert.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return file.getvalue()


def wav_of(samples: bytes, *, rate: int, channels: int = 1, bits: int = 16, kind: int = 1) -> bytes:
    """A WAV file around raw samples, as its header says and nothing more."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
