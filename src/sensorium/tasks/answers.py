"""Answers in words, as they are compared: neither capitals, punctuation nor articles count.

Source: the evaluation of Antol et al. 2015, "VQA", which also writes small numbers as digits.
"""

from __future__ import annotations

from sensorium.tasks.words import words_of

ARTICLES = frozenset({"a", "an", "the"})
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DIGITS = {"none": "0"} | {name: str(number) for number, name in enumerate(NUMBERS)}


def comparable(answer: str) -> str:
    """`The Two dogs.` is `2 dogs`. Nothing but articles stays as it is."""
    words = words_of(answer)
    return " ".join(DIGITS.get(word, word) for word in words if word not in ARTICLES) or " ".join(
        words
    )
