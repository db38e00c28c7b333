"""How far a figure depends on which samples happened to be judged: bootstrap intervals.

    draw S of the S samples, with putting back, R times
    figure_r = formula(sum over the samples drawn of their terms)
    interval = the quantiles a_low, a_high of figure_1 .. figure_R                  (BCa)
    a_x      = Phi(z0 + (z0 + z_x) / (1 - a (z0 + z_x)))         z_x = -1.96, 1.96

z0 is how far the draws lie to one side of the figure, a how much its spread changes with it, from
the figures that leave one sample out each. Samples are drawn, never items: all hidden words of a
text come or stay together. Of retrieval the queries are drawn, each among the same candidates.

Where all samples are right, or all wrong, every draw is the same and tells nothing; then the exact
interval of a share (Clopper-Pearson) is given.

Shapes: S samples, K terms, R draws.

Source: Efron 1987, "Better Bootstrap Confidence Intervals"; Clopper and Pearson 1934.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float
from scipy import special, stats
from torch import Tensor

from sensorium.tasks.tally import Tally

CONFIDENCE = 0.95
DRAWS = 2000
MOST_DRAWN = 20_000  # samples; more are drawn in blocks
COUNTS_AT_A_TIME = 250_000  # how often each sample is drawn, of some draws; they stay in the cache

Interval = tuple[float, float]


def intervals(tallies: Mapping[str, Tally], seed: int = 0) -> dict[str, Interval]:
    """The interval of every figure; of a single sample there is none.

    Args:
        tallies: by name.
        seed: of the draws, so that the same samples have the same interval.
    """
    found = {}
    for names in _of_same_samples(tallies):
        some = [tallies[name] for name in names]
        for name, one, drawn in zip(names, some, drawn_figures(some, seed), strict=True):
            interval = bca_interval(one, drawn)
            if interval is not None:
                found[name] = interval
    return {name: found[name] for name in tallies if name in found}


def drawn_figures(
    tallies: Sequence[Tally], seed: int = 0, draws: int = DRAWS
) -> list[Float[np.ndarray, " R"]]:
    """Every figure of the same drawn samples.

    Args:
        tallies: of as many samples each.
        seed: of the draws.
        draws: R.
    """
    terms = in_blocks(torch.cat([one.terms for one in tallies], dim=1), seed)
    sums = torch.cat([counts @ terms for counts in _counts(len(terms), seed, draws)])
    parts = sums.split([one.terms.shape[1] for one in tallies], dim=1)
    return [one.formula(part).numpy() for one, part in zip(tallies, parts, strict=True)]


def in_blocks(terms: Float[Tensor, "S K"], seed: int = 0) -> Float[Tensor, "N K"]:
    """The terms of single samples; of very many, summed over blocks of samples that lots put
    together, which vary as the samples do and are far fewer to draw from."""
    if len(terms) <= MOST_DRAWN:
        return terms
    order = np.random.default_rng(seed).permutation(len(terms)) % MOST_DRAWN
    blocks = terms.new_zeros(MOST_DRAWN, terms.shape[1])
    return blocks.index_add(0, torch.from_numpy(order), terms)


def bca_interval(tally: Tally, drawn: Float[np.ndarray, " R"]) -> Interval | None:
    """Where the figure lies with 95 % confidence; None where that cannot be told.

    Args:
        tally: of the samples as they are.
        drawn: its figure of every draw.
    """
    figure, drawn = tally.figure, drawn[np.isfinite(drawn)]
    if len(tally.terms) < 2 or not len(drawn) or not np.isfinite(figure):
        return None
    if np.ptp(drawn) == 0:
        return _exact(tally) if tally.is_share else None
    below = (drawn < figure).mean() + (drawn == figure).mean() / 2
    bias = special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    tail = special.ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    shifted = bias + tail
    levels = special.ndtr(bias + shifted / (1 - _acceleration(tally) * shifted))
    low, high = np.quantile(drawn, levels)
    return float(low), float(high)


def _acceleration(tally: Tally) -> float:
    """From the figures without one of the samples each."""
    left_out = tally.formula(tally.terms.sum(dim=0) - tally.terms).numpy()
    left_out = left_out[np.isfinite(left_out)]
    apart = left_out.mean() - left_out
    spread = float((apart**2).sum()) ** 1.5
    return float((apart**3).sum()) / (6 * spread) if spread > 0 else 0.0


def _exact(tally: Tally) -> Interval:
    """Of a share of the samples."""
    right, count = round(tally.terms[:, 0].sum().item()), len(tally.terms)
    found = stats.binomtest(right, count).proportion_ci(CONFIDENCE, method="exact")
    return float(found.low), float(found.high)


def _counts(samples: int, seed: int, draws: int) -> Iterator[Float[Tensor, "r S"]]:
    """How often each sample is drawn, some draws at a time."""
    random = np.random.default_rng(seed)
    step = max(1, COUNTS_AT_A_TIME // samples)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        drawn = random.integers(0, samples, (rows, samples), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * samples
        counts = np.bincount(drawn.ravel(), minlength=rows * samples)
        yield torch.from_numpy(counts.reshape(rows, samples)).double()


def _of_same_samples(tallies: Mapping[str, Tally]) -> Iterator[list[str]]:
    """The names of those that are of as many samples, so that each number is drawn from once."""

    def samples(name: str) -> int:
        return len(tallies[name].terms)

    for _, names in groupby(sorted(tallies, key=samples), key=samples):
        yield list(names)
