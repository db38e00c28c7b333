"""Samples are contrasted with candidates, one of which is each one's own: two losses, in blocks.

    s_ij = scale cos(u_i, v_j) + bias
    softmax:  - log softmax_j(s_ij)[i]                     its own among all
    sigmoid:  - sum over j of log sigmoid(z_ij s_ij)       each alone; z is 1 for its own, else -1

With a chunk, the similarities of so many samples are held at a time: each block is computed anew in
the backward pass. Loss and gradient are those of the whole, up to rounding.

Shapes: K samples, M candidates, E embedding width.

Source: Radford et al. 2021, "CLIP"; Zhai et al. 2023, "Sigmoid Loss for Language Image
Pre-Training" (SigLIP).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from sensorium.tasks.pairs import same_items

Kind = Literal["softmax", "sigmoid"]

RowsLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logits [K, M], own [K], no_negative [K, M]) -> the sum over the K samples."""


def softmax_loss(
    logits: Float[Tensor, "K M"], own: Int[Tensor, " K"], no_negative: Bool[Tensor, "K M"]
) -> Float[Tensor, ""]:
    """The cross-entropy of each sample's own among its negatives, summed.

    Args:
        logits: s.
        own: which candidate is each sample's.
        no_negative: which others hold the same item under another id.
    """
    return F.cross_entropy(logits.masked_fill(no_negative, -torch.inf), own, reduction="sum")


def sigmoid_loss(
    logits: Float[Tensor, "K M"], own: Int[Tensor, " K"], no_negative: Bool[Tensor, "K M"]
) -> Float[Tensor, ""]:
    """The binary cross-entropy of every sample with every candidate, summed; see `softmax_loss`."""
    losses = F.softplus(torch.where(_is_own(own, logits.shape[1]), -logits, logits))
    return losses.masked_fill(no_negative, 0.0).sum()


def contrast(
    kind: Kind,
    a: Float[Tensor, "M E"],
    b: Float[Tensor, "M E"],
    own: Int[Tensor, " K"],
    keys: Int[Tensor, "M 2"],
    scale: Float[Tensor, ""],
    bias: Float[Tensor, ""],
    chunk: int | None = None,
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """The loss of K of M samples, summed, and in how many a is most like its own b.

    Args:
        kind: which loss; with softmax it is the mean of both ways, a to b and b to a.
        a: unit vectors of one modality.
        b: unit vectors of the other.
        own: the K samples.
        keys: by which equal items are known; see `same_items`.
        scale: 1 / temperature.
        bias: added to every logit.
        chunk: samples whose logits are held at a time; None holds all.
    """

    def one_way(loss: RowsLoss, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        def of_rows(a: Tensor, own: Tensor, b: Tensor, *learned: Tensor) -> tuple[Tensor, Tensor]:
            scale, bias = learned
            logits = scale * (a @ b.T) + bias
            no_negative = same_items(keys[own], keys) & ~_is_own(own, len(b))
            return loss(logits, own, no_negative), (logits.argmax(dim=1) == own).sum()

        rows = a.index_select(0, own)
        if chunk is None or chunk >= len(rows):
            return of_rows(rows, own, b, scale, bias)
        blocks = [
            checkpoint(
                of_rows, *block, b, scale, bias, use_reentrant=False, preserve_rng_state=False
            )
            for block in zip(rows.split(chunk), own.split(chunk), strict=True)
        ]
        losses, right = zip(*blocks, strict=True)
        return torch.stack(losses).sum(), torch.stack(right).sum()

    if kind == "sigmoid":
        return one_way(sigmoid_loss, a, b)
    (there, right), (back, _) = one_way(softmax_loss, a, b), one_way(softmax_loss, b, a)
    return (there + back) / 2, right


def _is_own(own: Int[Tensor, " K"], candidates: int) -> Bool[Tensor, "K M"]:
    return torch.arange(candidates, device=own.device) == own[:, None]
