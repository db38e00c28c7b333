"""Every frame of a video is decoded; what is odd about it, its streams and its copies are named."""

from pathlib import Path

import numpy as np
import pytest
from tests.films import grey, grey_levels, tone, write_film

from sensorium.data.check import Report

CLIPS = Path(__file__).parents[4] / "shared" / "data" / "clips"


def noise(frames: int, seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    blocks = draw.integers(0, 255, (frames, 6, 8, 3)).astype(np.uint8)
    return [block.repeat(8, axis=0).repeat(8, axis=1) for block in blocks]


def write_all(folder: Path, write, **films: list[np.ndarray]) -> Path:
    for name, frames in films.items():
        write_film(folder / f"{name}.mkv", frames, g=5)
    write(folder / "train.jsonl", [{"video": f"{name}.mkv"} for name in films])
    return folder / "train.jsonl"


def kinds(report: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for suspect in report.sets[0].suspicious:
        found.setdefault(suspect.id, set()).add(suspect.suspicion.kind)
    return found


def test_suspicious_videos_are_named(tmp_path: Path, write, check) -> None:
    path = write_all(
        tmp_path,
        write,
        moving=noise(30),
        black=[grey(0)] * 20,
        still=[np.tile(np.arange(0, 256, 4, np.uint8)[None, :, None], (48, 1, 3))] * 20,
        single=noise(1, seed=5),
        cut=noise(100, seed=1),
        short=noise(10, seed=2),
    )
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    report = check(path)
    assert not report.broken
    assert kinds(report) == {
        "train.jsonl:2": {"black"},
        "train.jsonl:3": {"still"},
        "train.jsonl:4": {"one frame"},
        "train.jsonl:5": {"truncated"},
    }


def test_every_frame_is_counted(tmp_path: Path, write, check) -> None:
    path = write_all(tmp_path, write, a=grey_levels(37), b=noise(25))
    (column,) = check(path).sets[0].columns
    assert column.measures["frames"].total == 62
    assert column.measures["seconds"].greatest == pytest.approx(37 / 25, abs=0.05)
    assert column.words["size"] == {"32 x 24": 1, "64 x 48": 1}
    assert column.words["streams"] == {"h264 video": 2}


def test_a_part_of_a_video(tmp_path: Path, write, check) -> None:
    write_film(tmp_path / "a.mkv", [*[grey(0)] * 25, *noise(50)], g=5)
    parts = [(0.0, 0.9), (1.0, 2.0), (2.0, 9.0), (5.0, 6.0)]
    rows = [{"video": {"path": "a.mkv", "start": start, "end": end}} for start, end in parts]
    write(tmp_path / "train.jsonl", rows)
    report = check(tmp_path / "train.jsonl")
    assert kinds(report) == {"train.jsonl:1": {"black"}}
    assert [broken.id for broken in report.sets[0].broken] == ["train.jsonl:4"]
    assert [round(file.seconds, 2) for file in report.sets[0].media.values()] == [3.0]
    (column,) = report.sets[0].columns
    assert column.measures["frames"].least == 23
    assert column.measures["frames"].greatest == 25


def test_broken_videos_are_named(tmp_path: Path, write, check) -> None:
    path = write_all(tmp_path, write, good=noise(5))
    (tmp_path / "words.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    files = ["good.mkv", "words.mp4", "empty.mp4", "gone.mp4"]
    write(path, [{"video": file} for file in files])
    report = check(path)
    assert [broken.id for broken in report.sets[0].broken] == [
        f"train.jsonl:{n}" for n in (2, 3, 4)
    ]
    assert "is missing" in report.sets[0].broken[-1].reason


def test_copies_are_found(tmp_path: Path, write, check) -> None:
    frames = [block[::4, ::4].repeat(4, axis=0).repeat(4, axis=1) for block in noise(20)]
    path = write_all(tmp_path, write, a=frames, b=noise(20, seed=1))
    (tmp_path / "c.mkv").write_bytes((tmp_path / "a.mkv").read_bytes())
    write_film(tmp_path / "d.mp4", frames, crf=26)
    write(path, [{"video": name} for name in ("a.mkv", "b.mkv", "c.mkv", "d.mp4")])
    groups = [
        (group.kind == "same", [one.row for one in group.members]) for group in check(path).groups
    ]
    assert groups == [(True, [0, 2]), (False, [0, 2, 3])]


def test_parts_of_one_file_in_two_sets_leak(tmp_path: Path, write, check) -> None:
    write_film(tmp_path / "a.mkv", noise(50), g=5)
    for name, starts in [("train", (0, 1)), ("test", (0.5, 1.5))]:
        cells = [{"path": "a.mkv", "start": start, "end": start + 0.4} for start in starts]
        write(tmp_path / f"{name}.jsonl", [{"video": cell} for cell in cells])
    assert not check(tmp_path / "train.jsonl").groups, "in one set that is what parts are for"
    (group,) = check(tmp_path / "train.jsonl", tmp_path / "test.jsonl").groups
    assert (group.kind, group.leaks, len(group.members)) == ("same file", True, 4)


def test_streams_and_subtitle_files_beside(tmp_path: Path, write, check) -> None:
    write_film(tmp_path / "a.mp4", noise(10), sound=tone(0, 0.4))
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,300\nhello\n")
    write(tmp_path / "train.jsonl", [{"video": "a.mp4"}])
    (file,) = check(tmp_path / "train.jsonl").sets[0].media.values()
    assert file.streams == [
        "h264 video 64 x 48",
        "aac audio 16,000 Hz, 1 channel",
        "a.srt beside it",
    ]


@pytest.mark.skipif(not CLIPS.is_dir(), reason="needs ../shared/data/clips")
def test_both_subtitle_tracks_of_a_real_file(tmp_path: Path, write, check) -> None:
    write(tmp_path / "train.jsonl", [{"video": str(CLIPS / "nasa_13013.mp4")}])
    (file,) = check(tmp_path / "train.jsonl").sets[0].media.values()
    assert file.streams.count("mov_text subtitle eng, 4 cues") == 2
    assert file.seconds == pytest.approx(13.0, abs=0.1)
