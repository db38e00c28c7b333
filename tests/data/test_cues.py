import pytest

from sensorium.data.cues import Cue, cleaned, joined


def clean(*lines):
    cues = cleaned(Cue(*line) for line in lines)
    return [(cue.start_seconds, cue.end_seconds, cue.text) for cue in cues]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (r"{\i1}Hello{\i0} {\c&HFF&}world{\c}", "Hello world"),
        (r"two\Nlines, one\hspace", "two lines, one space"),
        ("fish &amp; chips&nbsp;&lt;3", "fish & chips <3"),
        ("<v Ann>So</v> <c.yellow>it is</c>", "So it is"),
        ("a < b and b > c", "a < b and b > c"),
        (">> Right.", "Right."),
        (r"- Where?\N- Here.", "Where? Here."),
        ("-5 degrees", "-5 degrees"),
        ("[JOHN]: come [door slams] in", "come in"),
        ("♪ and I love her ♪", "and I love her"),
        (r"(sighs)\NWell.", "Well."),
        ("the (so-called) end", "the (so-called) end"),
        ("第一行\\N【音乐】第二行", "第一行 第二行"),
        ("שלום, עולם", "שלום, עולם"),
        ("👩‍🚀 launches", "👩‍🚀 launches"),
    ],
)
def test_words_stay_and_the_rest_goes(markup, text):
    assert clean((0.0, 1.0, markup)) == [(0.0, 1.0, text)]


@pytest.mark.parametrize(
    "markup",
    [
        "",
        "   ",
        "[Music]",
        "[Applause] [Laughter]",
        "♪",
        "♪♪ ♫",
        "♪ [Music] ♪",
        "♪ Music ♪",
        "(upbeat music)",
        "（音乐）",
        "【掌声】",
        "...",
        "<i></i>",
        r"{\p1}m 0 0 l 100 0 100 100{\p0}",
    ],
)
def test_a_cue_without_words_goes(markup):
    assert clean((0.0, 1.0, markup), (1.0, 2.0, "words")) == [(1.0, 2.0, "words")]


def test_a_cue_without_length_goes():
    assert clean((1.0, 1.0, "no"), (2.0, 1.5, "no"), (3.0, 3.02, "no"), (4.0, 5.0, "yes")) == [
        (4.0, 5.0, "yes")
    ]


def test_cues_are_sorted():
    assert clean((3.0, 4.0, "b"), (1.0, 2.0, "a")) == [(1.0, 2.0, "a"), (3.0, 4.0, "b")]


def test_an_overlap_ends_where_the_next_begins():
    assert clean((0.0, 4.0, "a"), (3.0, 6.0, "b")) == [(0.0, 3.0, "a"), (3.0, 6.0, "b")]


def test_cues_at_the_same_time_are_one():
    assert clean((0.0, 2.0, "a"), (0.1, 3.0, "b"), (5.0, 6.0, "c")) == [
        (0.0, 3.0, "a b"),
        (5.0, 6.0, "c"),
    ]


def test_captions_that_roll_up_say_each_line_once():
    rolled = clean(
        (0.0, 2.0, "so today we"),
        (2.0, 2.01, "so today we"),
        (2.01, 4.0, r"so today we\Nlook at the sea"),
        (4.0, 4.01, "look at the sea"),
        (4.01, 6.0, r"look at the sea\Nfrom above"),
    )
    assert [text for _, _, text in rolled] == ["so today we", "look at the sea", "from above"]
    assert [start for start, _, _ in rolled] == [0.0, 2.01, 4.01]
    assert rolled[-1][1] == 6.0


def test_the_same_words_later_are_said_again():
    assert len(clean((0.0, 1.0, "No."), (3.0, 4.0, "No."))) == 2


def test_cues_are_joined_up_to_a_length():
    cues = [Cue(0, 2, "a"), Cue(2, 4, "b"), Cue(4.5, 6, "c"), Cue(9, 10, "d"), Cue(10, 20, "e")]
    assert joined(cues, 0) == cues
    assert [(c.start_seconds, c.end_seconds, c.text) for c in joined(cues, 4)] == [
        (0, 4, "a b"),
        (4.5, 6, "c"),
        (9, 10, "d"),  # after a pause
        (10, 20, "e"),  # longer by itself
    ]
    assert [cue.text for cue in joined(cues, 6)] == ["a b c", "d", "e"]
