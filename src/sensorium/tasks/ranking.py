"""Retrieval figures from a similarity matrix: recall at k and median rank.

Shapes: Q queries, C candidates.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

RECALL_AT = (1, 5, 10)


def first_hit_ranks(
    similarity: Float[Tensor, "Q C"], relevant: Bool[Tensor, "Q C"]
) -> Int[Tensor, " Q"]:
    """Rank, from 1, of the first candidate that belongs to each query.

    A wrong candidate with the same score comes before it, so that a model which gives everything
    the same score does not look perfect; so does one whose score is not a number.

    Args:
        similarity: scores.
        relevant: which candidates belong to which query, at least one to each.
    """
    best = similarity.masked_fill(~relevant, float("-inf")).amax(dim=1, keepdim=True)
    return 1 + (~(similarity < best) & ~relevant).sum(dim=1)


def retrieval_figures(ranks: Int[Tensor, " Q"]) -> dict[str, float]:
    """Recall at 1, 5 and 10 (shares of the queries) and the median rank."""
    figures = {f"recall_at_{k}": (ranks <= k).double().mean().item() for k in RECALL_AT}
    figures["median_rank"] = torch.quantile(ranks.double(), 0.5).item()
    return figures


def chance(relevant: Bool[Tensor, "Q C"]) -> float:
    """Recall at 1 of a random order."""
    return relevant.double().mean().item()
