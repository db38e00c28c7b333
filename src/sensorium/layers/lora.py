"""Low-rank updates of linear maps (LoRA): a frozen matrix learns through two thin ones beside it.

    y = x W^T + b + s (x A^T) B^T        s = alpha / rank

A [rank, in] starts at random and B [out, rank] at zero, so at first nothing changes. Only A and B
learn; afterwards W + s B A is a matrix like any other, and the two are gone.

Source: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sensorium.layers.attention import CrossAttention, SelfAttention
from sensorium.layers.transformer import FeedForward

Place = Literal["attention", "feed_forward"]
PLACES: Mapping[Place, tuple[type[nn.Module], ...]] = {
    "attention": (SelfAttention, CrossAttention),
    "feed_forward": (FeedForward,),
}


class LowRankLinear(nn.Linear):
    """A linear map whose weight is frozen and gets a low-rank update.

    `weight` and `bias` keep their names; `down` is A and `up` is B.

    Args:
        linear: the map, whose parameters are taken over.
        rank: rows of A.
        alpha: scale of the update, times the rank.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.weight.requires_grad_(False)
        self.scale = alpha / rank
        self.down = nn.Parameter(self.weight.new_empty(rank, self.in_features))
        self.up = nn.Parameter(self.weight.new_zeros(self.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        update = F.linear(F.linear(x, self.down), self.up)
        return super().forward(x) + self.scale * update

    def merged(self) -> nn.Linear:
        """The plain map that computes the same."""
        plain = nn.Linear(
            self.in_features, self.out_features, bias=self.bias is not None, device="meta"
        )
        plain.weight = nn.Parameter(_merged(self.weight.detach(), self.up, self.down, self.scale))
        plain.bias = self.bias
        return plain


def add_low_rank(module: nn.Module, rank: int, alpha: float, places: Sequence[Place]) -> None:
    """Give a low-rank update to the linear maps of the attention or the feed-forward networks
    inside a module, in place; maps that are frozen already stay as they are."""
    homes = tuple(home for place in places for home in PLACES[place])
    for home in [part for part in module.modules() if isinstance(part, homes)]:
        for name, child in list(home.named_children()):
            if type(child) is nn.Linear and child.weight.requires_grad:
                setattr(home, name, LowRankLinear(child, rank, alpha))


def merge_low_rank(module: nn.Module) -> None:
    """Put plain maps in the place of those with a low-rank update, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, LowRankLinear):
            setattr(module, name, child.merged())
        else:
            merge_low_rank(child)


def low_rank_maps(module: nn.Module) -> Iterator[tuple[str, LowRankLinear]]:
    """Those inside a module, by their names in it."""
    for name, part in module.named_modules():
        if isinstance(part, LowRankLinear):
            yield name, part


@torch.no_grad()
def plain_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the same module without low-rank updates needs to compute the same.

    Args:
        module: has the updates.
        weights: of the module, by name, as trained or averaged.
    """
    plain = dict(weights)
    for name, part in low_rank_maps(module):
        up, down = plain.pop(f"{name}.up"), plain.pop(f"{name}.down")
        plain[f"{name}.weight"] = _merged(plain[f"{name}.weight"], up, down, part.scale)
    return plain


def _merged(weight: Tensor, up: Tensor, down: Tensor, scale: float) -> Tensor:
    return weight + scale * (up.detach() @ down.detach())
