"""The Transformer encoder: pre-norm residual layers of attention and feed-forward network.

    x = x + MHSA(LN(x))        x = x + FFN(LN(x))        FFN(x) = act(x W_1 + b_1) W_2 + b_2

Source: section 4.2 of the document; Vaswani et al. 2017; pre-norm order of Dosovitskiy et al. 2021.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from sensorium.layers.attention import CrossAttention, SelfAttention

Activation = Literal["gelu", "relu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class FeedForward(nn.Module):
    """Two linear layers with an activation between them, applied to every token alone."""

    def __init__(self, width: int, hidden_width: int, activation: Activation = "gelu") -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden_width)
        self.activation = ACTIVATIONS[activation]()
        self.contract = nn.Linear(hidden_width, width)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        return self.contract(self.activation(self.expand(x)))


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network, each normalised first and added back."""

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward_ratio: float = 4.0,
        activation: Activation = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, int(width * feed_forward_ratio), activation)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        return self.fed_forward(self.self_attended(x, mask))

    def self_attended(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The first half: x + MHSA(LN(x))."""
        return x + self.dropout(self.attention(self.attention_norm(x), mask))

    def fed_forward(self, x: Tensor) -> Tensor:
        """The second half: x + FFN(LN(x))."""
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class CrossLayer(EncoderLayer):
    """An encoder layer that, between its two halves, attends to a context sequence."""

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward_ratio: float = 4.0,
        activation: Activation = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(width, heads, feed_forward_ratio, activation, dropout)
        self.cross_norm = nn.LayerNorm(width)
        self.context_norm = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, heads)

    def forward(  # type: ignore[override]  # a context is what makes this layer a cross layer
        self,
        x: Float[Tensor, "B N D"],
        mask: Bool[Tensor, "B N"] | None,
        context: Float[Tensor, "B M D"],
        context_mask: Bool[Tensor, "B M"] | None,
    ) -> Float[Tensor, "B N D"]:
        x = self.self_attended(x, mask)
        seen = self.cross_attention(self.cross_norm(x), self.context_norm(context), context_mask)
        return self.fed_forward(x + self.dropout(seen))


class Transformer(nn.Module):
    """A stack of encoder layers and a final norm.

    Args:
        width: D, of every token.
        depth: number of layers.
        heads: attention heads; they must divide the width.
        feed_forward_ratio: hidden width of the feed-forward network over the width.
        activation: `gelu` or `relu`.
        dropout: share of each residual branch's values dropped in training.
        checkpoint_activations: recompute each layer in the backward pass instead of keeping its
            activations: about a third more time for far less memory.
    """

    layer: ClassVar[type[EncoderLayer]] = EncoderLayer

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        feed_forward_ratio: float = 4.0,
        activation: Activation = "gelu",
        dropout: float = 0.0,
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            self.layer(width, heads, feed_forward_ratio, activation, dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.checkpoint_activations = checkpoint_activations

    def forward(
        self, x: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None = None
    ) -> Float[Tensor, "B N D"]:
        return self.through_layers(x, mask)

    def through_layers(self, x: Tensor, mask: Tensor | None, *settings: bool) -> Tensor:
        """Every layer, which also gets `settings`, then the norm."""
        for layer in self.layers:
            if self.checkpoint_activations and torch.is_grad_enabled():
                # The weights of now: in a bfloat16 step they are copies, taken away again before
                # the backward pass computes the layer anew.
                weights = dict(layer.named_parameters())
                inputs = (x, mask, *settings)
                x = checkpoint(functional_call, layer, weights, inputs, use_reentrant=False)
            else:
                x = layer(x, mask, *settings)
        return self.norm(x)


def initialise_transformer(module: nn.Module) -> None:
    """Linear maps that keep the variance of what passes (Xavier; He for convolutions), biases zero,
    small embeddings.

    The usual fixed deviation of 0.02 is made for widths near 1,000; in a narrow model it shrinks
    every branch, and learning starts late (docs/log.md has the figures).

    Call it as `module.apply(initialise_transformer)`.

    Source: Glorot and Bengio 2010; He et al. 2015; the first implementation of
    Dosovitskiy et al. 2021.
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
