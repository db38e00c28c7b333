"""Files that FFmpeg opens, and those that it must not."""

import os
import re
import wave
from pathlib import Path
from random import Random

import pytest

from sensorium.data.container import first_stream, open_container
from sensorium.data.quarantine import BrokenSample

NOISE = Random(0).randbytes(50_000)
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """One second of silence at 8 kHz."""
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return path


def broken(content: bytes | Path) -> str:
    """Why it cannot be opened or decoded."""
    with pytest.raises(BrokenSample) as caught, open_container(content) as container:
        list(container.decode(first_stream(container, "audio")))
    return str(caught.value)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_opens_a_file_and_its_bytes(sound: Path, as_bytes: bool) -> None:
    with open_container(sound.read_bytes() if as_bytes else sound) as container:
        stream = first_stream(container, "audio")
        assert sum(frame.samples for frame in container.decode(stream)) == 8000
        with pytest.raises(BrokenSample, match="no video stream in it, only audio"):
            first_stream(container, "video")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    assert broken(tmp_path / "none.wav") == "the file is missing"
    assert broken(tmp_path / "nul\0.wav") == "the file is missing"
    assert broken(tmp_path) == "a folder, not a file"
    assert broken(tmp_path / "pipe.wav") == "a pipe or a device, not a file"
    assert broken(tmp_path / "empty.wav") == "the file is empty (0 bytes)"
    assert broken(b"") == "the file is empty (0 bytes)"
    assert "cannot be read" in broken(tmp_path / ("long" * 100))


@pytest.mark.parametrize("content", [b"words in a file\n" * 40, NOISE, b"RIFF\x24\0\0\0WAVEfmt "])
def test_what_is_no_media_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "named.wav").write_bytes(content)
    reason = "damaged or no sound or video|not a sound or video file"
    assert re.search(reason, broken(tmp_path / "named.wav"))
    assert re.search(reason, broken(content))


@pytest.mark.parametrize("suffix", [".wav", ".m3u8", ".ffconcat", ".ts"])
@pytest.mark.parametrize("list_of_files", [PLAYLIST, "ffconcat version 1.0\nfile '{}'\n"])
def test_playlists_open_nothing(sound: Path, suffix: str, list_of_files: str) -> None:
    playlist = sound.with_name("playlist").with_suffix(suffix)
    for target in (sound.name, f"file:{sound}", "http://127.0.0.1:9/a.ts"):
        playlist.write_text(list_of_files.format(target))
        broken(playlist)
        broken(playlist.read_bytes())


def test_protocols_in_a_name_are_but_a_name(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sound.parent)
    assert broken(Path(f"concat:{sound.name}")) == "the file is missing"
    sound.rename("subfile,,start,0:a.wav")
    with open_container(Path("subfile,,start,0:a.wav")) as container:
        assert container.format.name == "wav"


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken(NOISE)
    assert capfd.readouterr() == ("", "")
