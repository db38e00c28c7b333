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

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.tasks.ngrams import LONGEST, ngrams

Words = Sequence[str]


def bleu_counts(
    captions: Sequence[Words], references: Sequence[Sequence[Words]]
) -> Float[Tensor, "S 10"]:
    """What the figure of any set of samples is made of, of each of them: c, r, and of n-grams of
    every length those that count and all."""
    counts = [
        _counts(caption, several) for caption, several in zip(captions, references, strict=True)
    ]
    return torch.tensor(counts, dtype=torch.double).view(-1, 2 + 2 * LONGEST)


def bleu_of_counts(sums: Float[Tensor, "*R 10"], longest: int) -> Float[Tensor, "*R"]:
    """BLEU-n of the sums over a set; 0 where nothing is said.

    Args:
        sums: of what `bleu_counts` gives.
        longest: n.
    """
    length, nearest = sums[..., 0], sums[..., 1]
    right, every = sums[..., 2::2][..., :longest], sums[..., 3::2][..., :longest]
    logarithms = (right / every.clamp(min=1)).log().mean(dim=-1)
    shortness = (1 - nearest / length.clamp(min=1)).clamp(max=0)
    return torch.where(length > 0, (shortness + logarithms).exp(), 0.0)


def _counts(caption: Words, references: Sequence[Words]) -> list[int]:
    counts = [len(caption), min((abs(len(one) - len(caption)), len(one)) for one in references)[1]]
    for length in range(1, LONGEST + 1):
        said = ngrams(caption, length)
        allowed = ngrams((), length)
        for one in references:
            allowed |= ngrams(one, length)  # the most that any reference has
        counts += [(said & allowed).total(), said.total()]
    return counts
