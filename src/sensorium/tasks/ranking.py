"""Retrieval figures from a similarity matrix: recall at k and median rank.

Shapes: Q queries, C candidates.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

RECALL_AT = (1, 5, 10)


def target_ranks(similarity: Float[Tensor, "Q C"], target: Int[Tensor, " Q"]) -> Int[Tensor, " Q"]:
    """Rank of each query's own candidate, from 1.

    A tie counts against the model, so that one which gives everything the same score does not
    look perfect.
    """
    own = similarity.gather(1, target[:, None])
    return (similarity >= own).sum(dim=1)


def retrieval_figures(ranks: Int[Tensor, " Q"]) -> dict[str, float]:
    """Recall at 1, 5 and 10 (shares of the queries) and the median rank."""
    figures = {f"recall_at_{k}": (ranks <= k).double().mean().item() for k in RECALL_AT}
    figures["median_rank"] = torch.quantile(ranks.double(), 0.5).item()
    return figures
