"""Multi-head attention: of a sequence to itself or to another, and two ways to compute it.

    head_i = softmax(Q_i K_i^T / sqrt(d)) V_i        MultiHead = Concat(head_1, ..., head_h) W^O

Shapes: B batch, H heads, N queries, M keys, d = D / H width of a head, D width.
Masks are True where a key is real. A query all of whose keys are masked gets exactly zero, so an
absent modality adds nothing instead of NaN.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

# Below this many keys the plain path trains faster than the fused one in bfloat16 on a CPU that has
# instructions for it, since the fused backward kernel has none: five times at 32 keys, twice at
# 196, and no more at 1,024 (benchmarks/results/2026-11-25-attention.md). A CPU without them is slow
# in either, and `train.precision=auto` does not choose bfloat16 there.
PLAIN_BELOW_KEYS = 1000


def attend(
    q: Float[Tensor, "B H N d"],
    k: Float[Tensor, "B H M d"],
    v: Float[Tensor, "B H M d"],
    mask: Bool[Tensor, "B M"] | None = None,
) -> Float[Tensor, "B H N d"]:
    """softmax(q k^T / sqrt(d)) v by whichever path is faster on this device and precision."""
    if k.shape[2] == 0:
        return torch.zeros_like(q)
    path = attend_plain if _plain_is_faster(q, k) else attend_fused
    if mask is None:
        return path(q, k, v, None)
    any_key = mask.any(dim=1)[:, None]  # [B, 1]
    attended = path(q, k, v, (mask | ~any_key)[:, None, None, :])
    return attended * any_key[:, :, None, None]


def attend_causal(
    q: Float[Tensor, "B H N d"], k: Float[Tensor, "B H N d"], v: Float[Tensor, "B H N d"]
) -> Float[Tensor, "B H N d"]:
    """The same, where query i sees the keys 0 to i alone.

    Padding at the end needs no mask: no real query comes after it.
    """
    if _plain_is_faster(q, k):
        seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
        return attend_plain(q, k, v, seen)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def attend_plain(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention as its formula reads; `mask` broadcasts to [B, H, N, M], True = real."""
    scores = q @ k.transpose(-2, -1)
    scores *= q.shape[-1] ** -0.5  # in place, as the next: no memory, and less to do in backward
    if mask is not None:
        least = torch.finfo(scores.dtype).min
        scores += torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, least)
    return scores.softmax(dim=-1) @ v


def attend_fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The same by PyTorch's fused kernels, which never store the [N, M] scores."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def _plain_is_faster(q: Tensor, k: Tensor) -> bool:
    return (
        q.device.type == "cpu"
        and q.dtype == torch.bfloat16
        and q.requires_grad
        and k.shape[2] < PLAIN_BELOW_KEYS
    )


class SelfAttention(nn.Module):
    """Every token attends to every real token of its own sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        q, k, v = self.heads_of(x)
        return self.joined(attend(q, k, v, mask))

    def heads_of(self, x: Float[Tensor, "B N D"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every token, each [B, H, N, d]."""
        B, N, D = x.shape
        qkv = self.query_key_value(x).view(B, N, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        return q, k, v

    def joined(self, attended: Float[Tensor, "B H N d"]) -> Float[Tensor, "B N D"]:
        """Concat(head_1, ..., head_h) W^O."""
        return self.output(attended.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Every token attends to every real token of another sequence, the context."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        context: Float[Tensor, "B M D"],
        mask: Bool[Tensor, "B M"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        return self.look(x, *self.read(context), mask)

    def read(self, context: Float[Tensor, "B M D"]) -> tuple[Tensor, Tensor]:
        """Keys and values of the context, each [B, H, M, d]: they serve any number of looks."""
        B, M, D = context.shape
        kv = self.key_value(context).view(B, M, 2, self.heads, D // self.heads)
        k, v = kv.permute(2, 0, 3, 1, 4)
        return k, v

    def look(
        self,
        x: Float[Tensor, "B N D"],
        k: Float[Tensor, "B H M d"],
        v: Float[Tensor, "B H M d"],
        mask: Bool[Tensor, "B M"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """What every token sees of a context that was read."""
        B, N, D = x.shape
        q = self.query(x).view(B, N, self.heads, D // self.heads).transpose(1, 2)
        return self.output(attend(q, k, v, mask).transpose(1, 2).flatten(2))


def checked_heads(width: int, heads: int) -> int:
    """`heads`, or ValueError where they do not divide the width."""
    if width % heads:
        raise ValueError(f"width {width} does not divide into {heads} heads; choose one that does")
    return heads
