"""CIDEr-D: how alike a caption is to the references, rare runs of words counting most.

    g(s)_k  = h_k(s) log(I / max(1, df_k))        h_k: how often s has the n-gram k
    sim(c, s) = sum over k of min(g(c)_k, g(s)_k) g(s)_k / (|g(c)| |g(s)|)
                exp(-(l_c - l_s)^2 / (2 6^2))
    CIDEr-D(c) = 10 mean over n = 1 .. 4, and over the references s of c, of sim(c, s)

df_k is the number of the I samples of which a reference has k, and l the number of words. It is
the figure that the evaluation of COCO captions gives as CIDEr: 0 where nothing is alike, 10 at
most. What every sample's references say counts for nothing, so a set of one sample has 0.

Source: Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation", section 5.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sensorium.tasks.ngrams import LONGEST, Counts, ngrams

SCALE = 10.0
DEVIATION_WORDS = 6.0  # of the penalty on lengths that differ

Words = Sequence[str]


def cider(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """CIDEr-D of each caption; the figure of a set is their mean.

    Args:
        captions: what was said of each sample.
        references: what may be said of it, at least one of each.
    """
    frequency: Counts = Counter()
    for several in references:
        frequency.update({k for one in several for n in _LENGTHS for k in ngrams(one, n)})
    weights = {k: math.log(len(references) / df) for k, df in frequency.items()}
    unseen = math.log(len(references)) if references else 0.0
    return [
        _of_one(
            _Weighed.of(caption, weights, unseen),
            [_Weighed.of(s, weights, unseen) for s in several],
        )
        for caption, several in zip(captions, references, strict=True)
    ]


_LENGTHS = range(1, LONGEST + 1)


@dataclass(frozen=True)
class _Weighed:
    """A caption's n-grams with their weights, and the norm of these, of each length."""

    words: int
    ngrams: list[dict[tuple[str, ...], float]]
    norms: list[float]

    @classmethod
    def of(cls, words: Words, weights: Mapping[tuple[str, ...], float], unseen: float) -> _Weighed:
        weighed = [
            {k: count * weights.get(k, unseen) for k, count in ngrams(words, n).items()}
            for n in _LENGTHS
        ]
        return cls(len(words), weighed, [math.hypot(*of.values()) for of in weighed])


def _of_one(caption: _Weighed, references: Sequence[_Weighed]) -> float:
    total = 0.0
    for one in references:
        penalty = math.exp(-((caption.words - one.words) ** 2) / (2 * DEVIATION_WORDS**2))
        total += penalty * sum(
            sum(min(weight, right.get(k, 0.0)) * right.get(k, 0.0) for k, weight in said.items())
            / (norm * right_norm or 1.0)
            for said, norm, right, right_norm in zip(
                caption.ngrams, caption.norms, one.ngrams, one.norms, strict=True
            )
        )
    return SCALE * total / (LONGEST * len(references))
