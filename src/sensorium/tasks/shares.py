"""Each modality's share in what a model says, exactly: Shapley values over subsets of modalities.

    withheld_m = v(all) - v(all but m)
    share_m    = sum over the subsets S without m of  |S|! (M - |S| - 1)! / M!  (v(S + m) - v(S))

v(S) is the figure of a claim with only the modalities S present: absence is legal input. The shares
add up to v(all) - v(none). Every modality is encoded once; only what follows runs for all 2^M
subsets, in one batch.

Shapes: B samples, M modalities, S = 2^M subsets.

Source: Shapley 1953; Lundberg and Lee 2017, "A Unified Approach to Interpreting Model Predictions".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.tasks.claim import Claim, Encodings


@dataclass(frozen=True)
class Shares:
    """What a claim owes to each modality.

    Attributes:
        all: the figure of each sample as it is, [B].
        none: what would be said without seeing anything, [B].
        shares: modality -> [B]; zero where a sample lacks it. They add up to `all` - `none`.
        withheld: modality -> by how much the figure falls without it alone, [B].
    """

    all: Float[Tensor, " B"]
    none: Float[Tensor, " B"]
    shares: dict[str, Tensor]
    withheld: dict[str, Tensor]


@torch.no_grad()
def shares_of(claim: Claim, encodings: Encodings) -> Shares:
    """The shares in a claim about B samples, whose encodings these are."""
    modalities = [m for m in claim.modalities if m in encodings]
    samples = len(next(iter(encodings.values())).present)
    subsets = every_subset(len(modalities))
    device = next(iter(encodings.values())).present.device
    rows = torch.arange(samples, device=device).repeat(len(subsets))  # subset by subset
    kept = subsets.to(device).repeat_interleave(samples, dim=0)
    views = {m: encoding.rows(rows) for m, encoding in encodings.items()}
    for number, modality in enumerate(modalities):
        views[modality] = views[modality].keep(kept[:, number])
    figures = claim.figure(views, rows).unflatten(0, (len(subsets), samples))
    falls = figures[-1] - figures[[len(subsets) - 1 - (1 << n) for n in range(len(modalities))]]
    return Shares(
        all=figures[-1],
        none=figures[0],
        shares=dict(zip(modalities, shapley(figures), strict=True)),
        withheld=dict(zip(modalities, falls, strict=True)),
    )


def every_subset(modalities: int) -> Bool[Tensor, "S M"]:
    """Which modalities each subset has; subset number s has those whose bits are set in s."""
    numbers = torch.arange(1 << modalities)
    return (numbers[:, None] >> torch.arange(modalities) & 1).bool()


def shapley(figures: Float[Tensor, "S B"]) -> Float[Tensor, "M B"]:
    """The figure of every subset, in the order of `every_subset` -> what each member adds."""
    members = len(figures).bit_length() - 1
    sizes = every_subset(members).sum(dim=1).tolist()
    shares = torch.zeros(members, *figures.shape[1:], dtype=figures.dtype, device=figures.device)
    for member in range(members):
        for subset in range(len(figures)):
            if not subset >> member & 1:
                gain = figures[subset | 1 << member] - figures[subset]
                shares[member] += _weight(sizes[subset], members) * gain
    return shares


def _weight(size: int, members: int) -> float:
    """The share of all orders of joining in which one of them comes after just these `size`."""
    return factorial(size) * factorial(members - size - 1) / factorial(members)
