"""By hand, from the definition, on captions short enough for it."""

import math

import pytest

from sensorium.tasks.cider import cider

TWO_SETS = [[["red", "circle"]], [["blue", "circle"]]]  # "circle" is everybody's: it weighs nothing


def test_what_is_rare_counts_and_what_all_say_does_not():
    said = [["red", "circle"], ["green", "circle"]]
    # Of the first, words: (ln 2, 0) against the same, 1; pairs: 1; there are no threes and fours.
    # Of the second nothing that weighs is right.
    assert cider(said, TWO_SETS) == pytest.approx([10 * (1 + 1) / 4, 0.0])


def test_half_right():
    said = [["red", "star"], ["blue", "circle"]]
    # Words: (red, star) weigh ln 2 each, of which red is right: ln 2 ln 2 / (sqrt(2) ln 2 ln 2).
    assert cider(said, TWO_SETS)[0] == pytest.approx(10 * math.sqrt(0.5) / 4)


def test_a_word_said_too_often_is_clipped_and_length_is_punished():
    said = [["red", "red", "red", "circle"], ["blue"]]
    # Words: g = 3 ln 2, clipped to 1 ln 2: 1 / 3. Two words too many. Of the pairs, "red circle"
    # is right; "red red", twice, is nobody's, so it weighs ln 2 each time: 1 / sqrt(1 + 4).
    expected = 10 * math.exp(-(2**2) / (2 * 36)) * (1 / 3 + 1 / math.sqrt(5)) / 4
    assert cider(said, TWO_SETS)[0] == pytest.approx(expected)


def test_several_references_are_averaged():
    references = [[["red", "circle"], ["a", "disc"]], [["blue", "circle"]]]
    assert cider([["red", "circle"], ["x"]], references)[0] == pytest.approx(10 * 2 / 4 / 2)


def test_a_word_of_both_references_of_a_sample_is_still_rare():
    references = [[["red"], ["red"]], [["blue"]], [["green"]]]
    assert cider([["red"], ["x"], ["y"]], references) == pytest.approx([2.5, 0.0, 0.0])


def test_nothing_to_tell_apart_and_nothing_said():
    assert cider([["red"]], [[["red"]]]) == [0.0]
    assert cider([[], ["red"]], TWO_SETS) == [0.0, 0.0]
    assert cider([], []) == []
