"""Runs of words, counted: what BLEU and CIDEr compare captions by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

LONGEST = 4
"""Words of the longest run."""

Counts = Counter[tuple[str, ...]]


def ngrams(words: Sequence[str], length: int) -> Counts:
    """Every run of so many words, and how often it comes."""
    starts = range(len(words) - length + 1)
    return Counter(tuple(words[start : start + length]) for start in starts)
