import pytest

from sensorium.tasks.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A small Circle: a star.", ["a", "small", "circle", "a", "star"]),
        ("the dog's toy isn’t 'new'", ["the", "dog's", "toy", "isn’t", "new"]),
        ("两只狗,在左边。", ["两", "只", "狗", "在", "左", "边"]),
        ("一个red圆 2023", ["一", "个", "red", "圆", "2023"]),
        ("カメラと犬", ["カ", "メ", "ラ", "と", "犬"]),
        ("naïve café", ["naïve", "café"]),
        (" ?! ", []),
        ("", []),
    ],
)
def test_words_of_a_text(text, words):
    assert words_of(text) == words
