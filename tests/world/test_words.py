"""What is told in time is true of the rows: subtitles, and captions of clips and sounds."""

import re
from pathlib import Path

import pytest
from tests.world.conftest import read_rows

VERBS = {
    "still": "stays? still",
    "left": "moves left",
    "right": "moves right",
    "up": "moves up",
    "down": "moves down",
    "shrink": "shrinks",
}
CUE = re.compile(r"(\d+)\n(\d\d):(\d\d):(\d\d),(\d{3}) --> (\d\d):(\d\d):(\d\d),(\d{3})\n(.+)\n")


def named(thing: dict) -> str:
    return f"a {thing['size']} {thing['colour']} {thing['shape']}"


def in_time(row: dict) -> list[dict]:
    return sorted(row["objects"], key=lambda thing: thing["slot"])


def seconds(hours: str, minutes: str, whole: str, milliseconds: str) -> float:
    return 3600 * int(hours) + 60 * int(minutes) + int(whole) + int(milliseconds) / 1000


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_subtitles_say_what_happens_while_it_happens(world: Path, split: str) -> None:
    for row in read_rows(world, split):
        text = (world / row["subtitles"]).read_text(encoding="utf-8")
        cues = CUE.findall(text)
        acting = [t for t in in_time(row) if t["motion"] != "still" or t["sound"]]
        assert [int(cue[0]) for cue in cues] == list(range(1, len(acting) + 1))
        for cue, thing in zip(cues, acting, strict=True):
            assert [seconds(*cue[1:5]), seconds(*cue[5:9])] == thing["slot"]
            assert cue[9].startswith(named(thing))
            assert cue[9].endswith("sounds") == (thing["sound"] is not None)
            moves = re.search(VERBS[thing["motion"]], cue[9])
            assert bool(moves) == (thing["motion"] != "still")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_captions_of_clips_tell_the_motions_in_order(world: Path, split: str) -> None:
    for row in read_rows(world, split):
        told = row["text_video"]
        movers = [thing for thing in in_time(row) if thing["motion"] != "still"]
        places = [told.index(f"{named(t)} {VERBS[t['motion']]}") for t in movers]
        assert places == sorted(places)
        still = [thing for thing in row["objects"] if thing["motion"] == "still"]
        assert ("still" in told) == bool(still)
        for thing in still:
            assert re.search(named(thing) + r"(, a [a-z ]+)?( and a [a-z ]+)? stays? still", told)
        assert row["first_motion"] == (movers[0]["motion"] if movers else "still")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_captions_of_sounds_name_what_is_heard_in_order(world: Path, split: str) -> None:
    for row in read_rows(world, split):
        told = row["text_audio"]
        heard = [thing for thing in in_time(row) if thing["sound"]]
        places = [told.index(named(thing)) for thing in heard]
        assert places == sorted(places)
        assert len(re.findall(r"\ba (small|large)", told)) == len(heard)
        assert ("only" in told or "alone" in told) == (len(heard) == 1)


def test_chinese_is_told_in_the_same_order(world: Path) -> None:
    for row in read_rows(world, "test"):
        assert re.fullmatch(r"[\u4e00-\u9fff，、]+", row["text_video_zh"] + row["text_audio_zh"])
        for column in ("text_video", "text_audio"):
            english = len(re.findall(r"\ba (?:small|large)", row[column]))
            chinese = len(re.findall(r"一[个颗]", row[f"{column}_zh"]))
            assert english == chinese
