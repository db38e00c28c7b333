from pathlib import Path

import pytest
import torch
from tests.films import SOUND_RATE, embed, grey_levels, subrip, tone, write_film

from sensorium.data import DataConfig, Dataset, Quarantine, open_dataset, open_source
from sensorium.data.clips import clock
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.errors import DataError

LINES = [(0.5, 1.5, "one"), (2.0, 3.0, "[Music]"), (3.0, 3.5, "two")]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four videos of four seconds: subtitles beside it, in it, words beside it, nothing at all."""
    folder = tmp_path / "films"
    (folder / "deep").mkdir(parents=True)
    write_film(folder / "a.mp4", grey_levels(100), sound=tone(1.0, 4.0))
    (folder / "a.srt").write_text(subrip(LINES))
    silent = write_film(tmp_path / "silent.mp4", grey_levels(100))
    embed(silent, folder / "deep/b.mkv", {"eng": LINES[:1], "fre": [(1.0, 2.0, "un")]})
    write_film(folder / "c.webm", grey_levels(100), codec="libvpx-vp9")
    (folder / "c.txt").write_text("three words beside\n")
    write_film(folder / "d.mp4", grey_levels(100))
    (folder / "e.mp4").write_bytes(b"broken")
    (folder / ".hidden.mp4").write_bytes(b"hidden")
    return folder


def texts(source):
    return [source.row(row).values.get("text") for row in range(len(source))]


def test_every_cue_is_a_row(folder):
    source = open_source(folder)
    assert [source.id(row) for row in range(len(source))] == [
        "a.mp4#00:00.5-00:01.5",
        "a.mp4#00:03.0-00:03.5",
        "c.webm",
        "d.mp4",
        "deep/b.mkv#00:00.5-00:01.5",
    ]
    assert texts(source) == ["one", "two", "three words beside", None, "one"]
    first = source.row(0).values
    assert first["video"] == first["audio"] == {"path": "a.mp4", "start": 0.5, "end": 1.5}
    assert source.row(2).values["video"] == {"path": "c.webm"}
    assert "audio" not in source.row(2).values
    assert source.fields["video"] == ["video"]
    assert source.fields["text"] == ["text"]
    assert [one.id for one in source.broken] == ["e.mp4"]
    assert source.notes[:2] == [
        "films: several tracks of subtitles, the first is taken: 1 of 4 videos (deep/b.mkv); of "
        "deep/b.mkv they are track 0 of b.mkv (eng), track 1 of b.mkv (fre). To take another: "
        "data.subtitles.track=LANGUAGE or NUMBER",
        "films: no subtitles, so that the video is one row, whole: 2 of 4 videos (c.webm, d.mp4)",
    ]


def test_another_track(folder):
    for track in ("fr", 1):
        source = open_source(folder, subtitles=SubtitlesConfig(track=track))
        assert texts(source)[-1] == "un"
        assert source.notes[0] == (
            f"films: no subtitles data.subtitles.track={track}: 1 of 4 videos (a.mp4); "
            "those of a.mp4 are a.srt (no language said)"
        )


def test_cues_are_joined(folder):
    source = open_source(folder / "a.mp4", subtitles=SubtitlesConfig(clip_seconds=3.0))
    assert texts(source) == ["one two"]
    assert source.id(0) == "a.mp4#00:00.5-00:03.5"


def test_a_cue_behind_the_end_is_left_out_and_said(folder):
    (folder / "a.srt").write_text(subrip([*LINES, (5.0, 6.0, "late")]))
    source = open_source(folder / "a.mp4")
    assert texts(source) == ["one", "two"]
    assert source.notes[0] == "a.mp4: 1 cues begin after the end of their video and are left out"


def test_subtitles_that_cannot_be_read_are_named(folder):
    (folder / "a.srt").write_bytes(bytes(range(128, 256)) * 20)
    source = open_source(folder / "a.mp4", strict=False)
    assert texts(source) == [None]
    assert any(note.startswith("a.mp4: a.srt") for note in source.notes)


def test_rows_without_words_or_sound_are_samples(folder, tokenizer):
    (folder / "e.mp4").unlink()
    source = open_source(folder, {"video": "video", "audio": "audio", "text": "text"})
    config = DataConfig(video={"size": 8, "frames": 2}, audio={"seconds": 1.0})
    dataset = Dataset(source, config, tokenizer, training=False, seed=0)
    assert dataset.prepare() == []
    there = [sorted(dataset.sample(row, 0).values) for row in range(len(dataset))]
    assert there == [
        ["audio", "text", "video"],
        ["audio", "text", "video"],
        ["text", "video"],
        ["video"],
        ["text", "video"],
    ]


def test_picture_and_sound_of_a_clip_are_in_step(folder, tokenizer):
    """The tone begins at second 1: in the middle of the clip from 0.5 to 1.5."""
    source = open_source(folder, {"video": "video", "audio": "audio", "text": "text"})
    config = DataConfig(video={"size": 8, "frames": 2}, audio={"sample_rate": SOUND_RATE})
    dataset = Dataset(source, config, tokenizer, training=False, seed=0)
    candidates = dataset._reader.find(0).candidates
    wave = dataset._reader.decode("audio", candidates["audio"][0])
    frames = dataset._reader.decode("video", candidates["video"][0])
    assert len(wave) == SOUND_RATE
    loud = (wave.abs() > 0.1).nonzero()[0].item() / SOUND_RATE
    encoder_delay = 1024 / SOUND_RATE  # of AAC, which the file does not take back
    assert loud == pytest.approx(0.5 + encoder_delay, abs=0.02)
    shown = frames.float().mean(dim=(1, 2, 3))
    torch.testing.assert_close(shown, torch.tensor([2 * 18.0, 2 * 31.0]), atol=3, rtol=0)


def test_the_fingerprint_follows_files_and_settings(folder):
    before = open_source(folder).table.fingerprint()
    assert open_source(folder).table.fingerprint() == before
    joined = open_source(folder, subtitles=SubtitlesConfig(clip_seconds=3.0))
    assert joined.table.fingerprint() != before
    (folder / "a.srt").write_text(subrip(LINES[:1]))
    assert open_source(folder).table.fingerprint() != before


def test_a_run_cuts_other_videos_as_its_own(folder, tokenizer):
    config = DataConfig(
        fields={"video": "video", "text": "text"},
        subtitles={"clip_seconds": 3.0},
        video={"size": 8, "frames": 2},
    )
    dataset = open_dataset(folder / "a.mp4", config, tokenizer, Quarantine(None, 0, 1.0))
    assert [dataset.id(row) for row in range(len(dataset))] == ["a.mp4#00:00.5-00:03.5"]


def test_a_folder_of_broken_videos_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=r"found none that can be read; the first: video 'a\.mp4'"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "00:00.0"), (12.34, "00:12.3"), (59.96, "01:00.0"), (3723.4, "1:02:03.4")],
)
def test_clock(seconds, said):
    assert clock(seconds) == said


NASA = Path(__file__).parents[2] / "../shared/data/clips/nasa_13013.mp4"


@pytest.mark.skipif(not NASA.exists(), reason=f"needs the public clips, at {NASA.parent}")
@pytest.mark.parametrize("track", [None, 0, 1])
def test_a_real_video_gives_the_cues_of_its_subtitles(track):
    source = open_source(NASA.resolve(), subtitles=SubtitlesConfig(track=track))
    parts = [source.row(row).values["video"] for row in range(len(source))]
    assert [(part["start"], part["end"]) for part in parts] == [
        (0.21, 4.26),
        (4.26, 8.35),
        (8.35, 12.47),
        (12.47, 16.57),
    ]
    assert texts(source)[1] == "space telescope in one of the largest cleanrooms in the world"
