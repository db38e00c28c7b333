"""Scripts of any language are named; spellings of the same text have one normal form."""

import pytest

from sensorium.data.check.text import look_at_text, normal_form


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("a cat", ["Latin"]),
        ("Größe ℃ ＡＢ", ["Latin"]),
        ("一只猫", ["Han"]),
        ("ねこ ネコ 猫", ["Han", "Hiragana", "Katakana"]),
        ("고양이", ["Hangul"]),
        ("кот", ["Cyrillic"]),
        ("γάτα", ["Greek"]),
        ("قطة", ["Arabic"]),
        ("חתול", ["Hebrew"]),
        ("बिल्ली", ["Devanagari"]),
        ("แมว", ["Thai"]),
        ("I like 😀", ["Emoji", "Latin"]),
        ("12:30 !?", ["no letters"]),
    ],
)
def test_scripts(text: str, scripts: list[str]) -> None:
    assert look_at_text(text).facts == {"characters": len(text), "script": scripts}


def test_normal_form() -> None:
    assert normal_form("A  red-ball.") == normal_form("a RED ball") == normal_form("ａ redball!")
    assert normal_form("किताब") != normal_form("कतब")
    assert normal_form("?!") == "?!"
    assert normal_form("red") != normal_form("reds")
