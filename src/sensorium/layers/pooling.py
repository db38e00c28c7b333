"""A sequence of tokens becomes one vector.

Shapes: B batch, N tokens, D width. Masks are True where a token is real.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sensorium.layers.attention import CrossAttention


def mean_pool(
    x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
) -> Float[Tensor, "B D"]:
    """The mean of the real tokens; zero for a sample that has none."""
    if mask is None:
        return x.mean(dim=1)
    weight = mask.to(x.dtype)
    total = torch.einsum("bnd,bn->bd", x, weight)
    return total / weight.sum(dim=1, keepdim=True).clamp(min=1)


class AttentionPool(nn.Module):
    """A learned query attends to the tokens (Lee et al. 2019, "Set Transformer")."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.empty(1, 1, width))
        nn.init.trunc_normal_(self.query, std=0.02)
        self.attention = CrossAttention(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B D"]:
        query = self.query.expand(x.shape[0], -1, -1)
        return self.norm(self.attention(query, x, mask))[:, 0]
