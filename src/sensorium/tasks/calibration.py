"""Whether a model that says 80 % is right in 80 % of such cases.

    ECE = sum over bins b of n_b / n |share right in b - mean confidence in b|

The confidence in an answer is the probability that the model gives it; bins are of equal width.

Shapes: K answers, M bins.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Answers by how sure the model was of them.

    Attributes:
        counts: answers in each bin; the last bin ends at 1.
        confidence: their mean confidence; 0 where there are none.
        accuracy: share of them that is right; 0 where there are none.
    """

    counts: Int[Tensor, " M"]
    confidence: Float[Tensor, " M"]
    accuracy: Float[Tensor, " M"]

    @property
    def error(self) -> float:
        """The expected calibration error."""
        apart = (self.accuracy - self.confidence).abs()
        return ((self.counts * apart).sum() / self.counts.sum()).item()


def calibrate(
    confidence: Float[Tensor, " K"], right: Bool[Tensor, " K"], bins: int = BINS
) -> Calibration:
    """Sort answers into bins; one on the edge of two counts in the lower."""
    confidence = confidence.double()
    place = (confidence * bins).ceil().long().sub(1).clamp(0, bins - 1)
    counts = place.bincount(minlength=bins)
    none = torch.zeros(bins, dtype=torch.double)
    share = counts.clamp(min=1)
    return Calibration(
        counts,
        none.index_add(0, place, confidence) / share,
        none.index_add(0, place, right.double()) / share,
    )
