"""Small real videos, written by FFmpeg: grey frames whose level is their number, and more."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import AudioFrame, VideoFrame

SOUND_RATE = 16_000
TURNS = {
    "none": (1, 0, 0, 1),
    "clockwise": (0, 1, -1, 0),
    "counterclockwise": (0, -1, 1, 0),
    "half": (-1, 0, 0, -1),
    "mirrored": (-1, 0, 0, 1),
}
"""How a player is told to turn the picture: a, b, c, d of the display matrix."""


def grey(level: int, width: int = 32, height: int = 24) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def grey_levels(frames: int, step: int = 2) -> list[np.ndarray]:
    """Frame i has the level step * i, up to 255."""
    return [grey(min(255, step * i)) for i in range(frames)]


def write_film(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    rate: int = 25,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound: np.ndarray | None = None,
    pixel_aspect: Fraction = Fraction(1),
    **options: Any,
) -> Path:
    """A video file in the container that its name says.

    Args:
        pictures: uint8 [H, W, 3], or [H, W, 4] with alpha.
        times: seconds at which each begins; by default evenly, at `rate`.
        sound: mono samples in -1 to 1 at SOUND_RATE, or None for a silent file.
        pixel_aspect: width of a pixel over its height.
        options: of the codec.
    """
    with av.open(str(path), "w") as file:
        video = file.add_stream(codec, rate=rate)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = pixel_format
        video.codec_context.sample_aspect_ratio = pixel_aspect
        video.options = {key: str(value) for key, value in options.items()}
        video.codec_context.time_base = Fraction(1, 1000 if times else rate)
        audio = None if sound is None else file.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for number, picture in enumerate(pictures):
            frame = VideoFrame.from_ndarray(
                picture, format="rgb24" if picture.shape[2] == 3 else "rgba"
            )
            frame.pts = round(1000 * times[number]) if times else number
            frame.time_base = video.codec_context.time_base
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if audio is not None and sound is not None:
            frame = AudioFrame.from_ndarray(
                sound[None].astype(np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate = SOUND_RATE
            file.mux(audio.encode(frame))
            file.mux(audio.encode(None))
    return path


def tone(starts: float, seconds: float, hertz: float = 1000.0) -> np.ndarray:
    """Silence, and from `starts` on a tone."""
    times = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return np.where(times < starts, 0.0, 0.5 * np.sin(2 * np.pi * hertz * times))


def turn(path: Path, how: str) -> Path:
    """Tell players of an MP4 file to turn its picture, as a telephone does."""
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44
    a, b, c, d = (65536 * value for value in TURNS[how])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


Lines = Sequence[tuple[float, float, str]]
"""Start, end and words of each cue."""

ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def subrip(lines: Lines) -> str:
    """The text of an `.srt` file."""

    def clock(seconds: float) -> str:
        return f"00:{int(seconds // 60):02d}:{seconds % 60:06.3f}".replace(".", ",")

    return "\n".join(
        f"{number}\n{clock(start)} --> {clock(end)}\n{words}\n"
        for number, (start, end, words) in enumerate(lines, start=1)
    )


def embed(film: Path, target: Path, tracks: dict[str, Lines]) -> Path:
    """A copy of the video with tracks of subtitles by language: SubRip in `.mkv`, else mov_text."""
    with av.open(str(film)) as source, av.open(str(target), "w") as file:
        outputs = [file.add_stream_from_template(stream) for stream in source.streams]
        subtitles = []
        for language in tracks:
            stream = file.add_stream("srt" if target.suffix == ".mkv" else "mov_text")
            stream.time_base = Fraction(1, 1000)
            stream.codec_context.subtitle_header = ASS_HEADER
            stream.metadata["language"] = language
            subtitles.append(stream)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = outputs[packet.stream.index]
                file.mux(packet)
        for stream, lines in zip(subtitles, tracks.values(), strict=True):
            for start, end, words in lines:
                data = words.encode()
                length = b"" if target.suffix == ".mkv" else struct.pack(">H", len(data))
                packet = av.Packet(length + data)
                packet.stream, packet.time_base = stream, Fraction(1, 1000)
                packet.pts = packet.dts = round(1000 * start)
                packet.duration = round(1000 * (end - start))
                file.mux(packet)
    return target
