"""Which differences between variants are more than noise.

Every variant is trained under the same seeds, and a seed draws the same split, the same order and
the same first encoders for all of them. So what a seed does to all variants alike is taken out, as
that of a block, and only what is left over is noise:

    x_vs = mean + a_v + b_s + e_vs
    s²   = sum of e_vs² / ((V - 1) (S - 1))
    two variants differ where  |mean_v - mean_w| > q s sqrt(1/S + overlap)

q is the quantile of the studentized range of V means: whichever two are looked at, and so also the
best with the next, the chance that noise alone makes any of them differ is at most 5 %. Of two
variants it is the paired t-test.

Where a seed also draws which rows are held out, the training sets of two seeds overlap, and their
figures are not independent; `overlap`, the rows held out over the rows trained on, makes up for it.

Shapes: V variants, S seeds.

Source: Tukey 1953, "The problem of multiple comparisons" (for blocks: Hsu 1996, "Multiple
Comparisons", chapter 7); Nadeau and Bengio 1999, "Inference for the Generalization Error".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import stats

CONFIDENCE = 0.95
SMALLEST = 1e-12  # what rounding leaves of nothing


@dataclass(frozen=True)
class Noise:
    """What the seeds tell of the differences between variants.

    Attributes:
        deviation: s, in the units of the figure.
        least: the least difference of two means that is more than noise; infinite where there are
            too few seeds to tell.
        scale: standard error of a mean, as the test counts it.
        freedom: (V - 1) (S - 1), the degrees of freedom of s.
        variants: V.
    """

    deviation: float
    least: float
    scale: float
    freedom: int
    variants: int

    @property
    def told_least(self) -> float | None:
        """`least`, where there is one."""
        return self.least if math.isfinite(self.least) else None

    def chance(self, difference: float) -> float:
        """Probability that noise alone makes some two of the variants differ by so much."""
        if self.freedom == 0:
            return 1.0
        if self.scale < SMALLEST:
            return float(abs(difference) < SMALLEST)
        widths = abs(difference) / self.scale
        return float(stats.studentized_range.sf(widths, self.variants, self.freedom))


def measure_noise(figures: Float[np.ndarray, "V S"], overlap: float = 0.0) -> Noise:
    """The noise in the differences between variants.

    Args:
        figures: of every variant under every seed.
        overlap: rows held out over rows trained on, where every seed draws them anew; else 0.
    """
    variants, seeds = figures.shape
    freedom = (variants - 1) * (seeds - 1)
    if freedom == 0:
        return Noise(0.0, float("inf"), 0.0, 0, variants)
    of_variant, of_seed = (figures.mean(axis=axis, keepdims=True) for axis in (1, 0))
    rest = figures - of_variant - of_seed + figures.mean()
    deviation = float(np.sqrt((rest**2).sum() / freedom))
    scale = deviation * (1 / seeds + overlap) ** 0.5
    return Noise(deviation, scale * _quantile(variants, freedom), scale, freedom, variants)


@cache
def _quantile(variants: int, freedom: int) -> float:
    """Of the studentized range; it takes a while."""
    return float(stats.studentized_range.ppf(CONFIDENCE, variants, freedom))


def interval(figures: Float[np.ndarray, " S"], overlap: float = 0.0) -> tuple[float, float] | None:
    """Where the mean over all seeds lies, with 95 % confidence (Student's t); None of one seed.

    Args:
        figures: of one variant, by seed.
        overlap: as in `measure_noise`.
    """
    seeds = len(figures)
    if seeds < 2:
        return None
    scale = figures.std(ddof=1) * (1 / seeds + overlap) ** 0.5
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) * scale)
    return float(figures.mean()) - half, float(figures.mean()) + half
