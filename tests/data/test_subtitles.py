import pytest
from pydantic import ValidationError
from tests.films import embed, grey_levels, subrip, write_film

from sensorium.data.container import open_container
from sensorium.data.cues import cleaned
from sensorium.data.quarantine import BrokenSample
from sensorium.data.subtitles import (
    SubtitleFile,
    SubtitlesConfig,
    chosen_track,
    embedded_tracks,
    files_by_stem,
)

LINES = [(0.5, 1.5, "Hello <i>you</i>"), (2.0, 3.25, "and you")]
CLEAN = [(0.5, 1.5, "Hello you"), (2.0, 3.25, "and you")]

VTT = """\ufeffWEBVTT - a title
Kind: captions

NOTE
not to be shown

STYLE
::cue { color: red }

first
00:00.500 --> 00:01.500 align:start position:0%
<v Roger>Hello<00:00:01.000><c> you</c>

second
00:00:02.000 --> 00:00:03.250
and you
"""

ASS = r"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,{\b1}Hello{\b0} you
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,not to be shown
Dialogue: 0,0:00:02.00,0:00:03.25,Default,,0,0,0,,and\Nyou
"""


def read(track, **config):
    notes = []
    cues = cleaned(track.cues(SubtitlesConfig(**config), notes))
    return [(cue.start_seconds, cue.end_seconds, cue.text) for cue in cues], notes


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.srt", subrip(LINES)), ("a.VTT", VTT), ("a.ass", ASS), ("a.ssa", ASS)],
)
def test_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.replace("\n", "\r\n").encode())
    assert read(SubtitleFile(tmp_path / name, None)) == (CLEAN, [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_of_every_kind(tmp_path, encoding):
    (tmp_path / "a.srt").write_text(subrip([(0, 1, "你好 🌊 مرحبا")]), encoding=encoding)
    assert read(SubtitleFile(tmp_path / "a.srt", None)) == ([(0.0, 1.0, "你好 🌊 مرحبا")], [])


def test_another_encoding_is_guessed_and_said(tmp_path):
    lines = [(n, n + 1, f"今天我们去看海，第{n}次，天气很好") for n in range(30)]
    (tmp_path / "a.srt").write_text(subrip(lines), encoding="gb18030")
    cues, notes = read(SubtitleFile(tmp_path / "a.srt", None))
    assert [text for _, _, text in cues] == [text for _, _, text in lines]
    assert notes == [
        "a.srt is not in UTF-8 and was read as gb18030, a guess; to change it: "
        "data.subtitles.encoding=ENCODING"
    ]


def test_an_encoding_that_is_said_is_taken(tmp_path):
    (tmp_path / "a.srt").write_text(subrip([(0, 1, "C’est l’été")]), encoding="cp1252")
    cues, notes = read(SubtitleFile(tmp_path / "a.srt", None), encoding="cp1252")
    assert cues == [(0.0, 1.0, "C’est l’été")]
    assert notes == []


def test_an_unknown_encoding_is_refused():
    with pytest.raises(ValidationError, match="an encoding that Python knows"):
        SubtitlesConfig(encoding="gb-something")


def test_what_holds_no_subtitles(tmp_path):
    (tmp_path / "a.srt").write_text("hello")
    assert read(SubtitleFile(tmp_path / "a.srt", None)) == ([], [])
    with pytest.raises(BrokenSample, match="the file is missing"):
        read(SubtitleFile(tmp_path / "gone.srt", None))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_embedded_tracks(tmp_path, suffix):
    film = write_film(tmp_path / "plain.mp4", grey_levels(100))
    english = [
        (start, end, text.replace("<i>", "").replace("</i>", "")) for start, end, text in LINES
    ]
    french = [(start, end, "oui " + text) for start, end, text in english]
    both = embed(film, tmp_path / f"both{suffix}", {"eng": english, "fre": french})
    with open_container(both) as container:
        tracks = embedded_tracks(container, both)
    assert [(track.number, track.language) for track in tracks] == [(0, "eng"), (1, "fre")]
    assert [read(track)[0] for track in tracks] == [english, french]


def test_which_track(tmp_path):
    for name in ("a.mp4", "a.vtt", "a.en-US.srt", "a.zh.srt", "ab.srt", "a.txt"):
        (tmp_path / name).touch()
    beside = files_by_stem(tmp_path)["a"]
    assert [(file.name, file.language) for file in beside] == [
        ("a.vtt", None),
        ("a.en-US.srt", "en-US"),
        ("a.zh.srt", "zh"),
    ]
    film = embed(
        write_film(tmp_path / "plain.mp4", grey_levels(10)),
        tmp_path / "a.mkv",
        {"eng": CLEAN, "fre": CLEAN},
    )
    with open_container(film) as container:
        tracks = [*beside, *embedded_tracks(container, film)]
    chosen = {which: chosen_track(tracks, which) for which in (None, "en", "fr", "zh", 1, 5, "de")}
    assert {which: track and track.name for which, track in chosen.items()} == {
        None: "a.vtt",
        "en": "a.en-US.srt",
        "fr": "track 1 of a.mkv",
        "zh": "a.zh.srt",
        1: "track 1 of a.mkv",
        5: None,
        "de": None,
    }
