"""BLEU: the share of a caption's runs of words that some reference has too.

    p_n    = sum over captions of the n-grams that a reference has, each as often as there at most
             / sum over captions of all n-grams
    brevity = min(1, exp(1 - r / c))
    BLEU-n = brevity (p_1 ... p_n)^(1/n)

c is the length of all captions together, r that of the references that come nearest to each in
length (the shorter of two). It is a figure of the whole set: there is no smoothing, and a set
without a single common 4-gram has a BLEU-4 of 0.

Source: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sensorium.tasks.ngrams import LONGEST, ngrams

Words = Sequence[str]


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """BLEU-1 to BLEU-4.

    Args:
        captions: what was said of each sample.
        references: what may be said of it, at least one of each.
    """
    length = sum(map(len, captions))
    if not length:
        return [0.0] * LONGEST
    nearest = sum(
        min((abs(len(one) - len(caption)), len(one)) for one in right)[1]
        for caption, right in zip(captions, references, strict=True)
    )
    brevity = min(1.0, math.exp(1 - nearest / length))
    figures, logarithms = [], 0.0
    for n in range(1, LONGEST + 1):
        logarithms += _log(_precision(captions, references, n))
        figures.append(brevity * math.exp(logarithms / n))
    return figures


def _precision(
    captions: Sequence[Words], references: Sequence[Sequence[Words]], length: int
) -> float:
    """p_n."""
    right, all_of_them = 0, 0
    for caption, several in zip(captions, references, strict=True):
        said = ngrams(caption, length)
        allowed = ngrams((), length)
        for one in several:
            allowed |= ngrams(one, length)  # the most that any reference has
        right += (said & allowed).total()
        all_of_them += said.total()
    return right / all_of_them if all_of_them else 0.0


def _log(share: float) -> float:
    return math.log(share) if share else -math.inf
