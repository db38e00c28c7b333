"""A causal Transformer decoder: the next token from those before it and from a context.

    x = E[w] + E_pos
    x = x + MHSA(LN(x))                             token i sees the tokens 0 to i
    x = x + CrossAttention(LN(x), LN(context))
    x = x + FFN(LN(x))                              in every layer
    p(w_i+1 | w_0 .. w_i, context) = softmax(E LN(x_i) + b)

The output layer is the embedding E. For generation, what the tokens so far have computed is kept
(`DecoderState`), so that a further token costs one pass of that token alone. Sequences of different
lengths are padded at the end, and every one goes on at its own next place.

Shapes: B sequences, N tokens, M tokens of the context, L places, H heads, D width, d = D / H,
V vocabulary. Masks are True where a token is real.

Source: Vaswani et al. 2017, section 3.1; pre-norm; Press and Wolf 2017 (the shared embedding).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sensorium.layers.attention import attend, attend_causal
from sensorium.layers.transformer import CrossLayer, initialise_transformer

KeysValues = tuple[Tensor, Tensor]  # each [B, H, N, d]


@dataclass
class DecoderState:
    """What a decoder keeps between two tokens.

    Attributes:
        own: of each layer, keys and values of the tokens so far, each [B, H, L, d].
        context: of each layer, keys and values of the context, each [B, H, M, d].
        context_mask: [B, M]; None where all of it is real.
        lengths: [B] tokens so far, of L places at most.
    """

    own: list[KeysValues]
    context: list[KeysValues]
    context_mask: Tensor | None
    lengths: Tensor

    def rows(self, index: Int[Tensor, " K"]) -> DecoderState:
        """The state of the sequences `index`, in that order; each may come several times."""
        mask = self.context_mask
        return DecoderState(
            own=[(k.index_select(0, index), v.index_select(0, index)) for k, v in self.own],
            context=[(k.index_select(0, index), v.index_select(0, index)) for k, v in self.context],
            context_mask=None if mask is None else mask.index_select(0, index),
            lengths=self.lengths.index_select(0, index),
        )


class DecoderLayer(CrossLayer):
    """A cross layer whose tokens see only those before them, with what it has computed kept."""

    def read(self, context: Float[Tensor, "B M D"]) -> KeysValues:
        """Keys and values of the context."""
        return self.cross_attention.read(self.context_norm(context))

    def begin(
        self, x: Float[Tensor, "B N D"], context: KeysValues, context_mask: Tensor | None
    ) -> tuple[Float[Tensor, "B N D"], KeysValues]:
        """The first tokens of each sequence, and their keys and values."""
        q, k, v = self.attention.heads_of(self.attention_norm(x))
        return self._finished(x, attend_causal(q, k, v), context, context_mask), (k, v)

    def step(
        self,
        x: Float[Tensor, "B 1 D"],
        own: KeysValues,
        places: Int[Tensor, " B"],
        context: KeysValues,
        context_mask: Tensor | None,
    ) -> Float[Tensor, "B 1 D"]:
        """One further token of each sequence, whose keys and values go to its place in `own`."""
        q, k, v = self.attention.heads_of(self.attention_norm(x))
        keys, values = own
        rows = torch.arange(len(x), device=x.device)
        keys[rows, :, places], values[rows, :, places] = k[:, :, 0], v[:, :, 0]
        seen = torch.arange(keys.shape[2], device=x.device) <= places[:, None]
        return self._finished(x, attend(q, keys, values, seen), context, context_mask)

    def _finished(
        self, x: Tensor, attended: Tensor, context: KeysValues, context_mask: Tensor | None
    ) -> Tensor:
        x = x + self.dropout(self.attention.joined(attended))
        looked = self.cross_attention.look(self.cross_norm(x), *context, context_mask)
        return self.fed_forward(x + self.dropout(looked))


class Decoder(nn.Module):
    """Embed ids, add learned positions, decode; name the next token.

    Args:
        vocabulary: number of different ids.
        positions: most tokens that it can be given.
        width: D, of its tokens and of the context.
        depth: number of layers.
        heads: attention heads; they must divide the width.
        feed_forward_ratio: hidden width of the feed-forward networks over the width.
        dropout: share of each residual branch's values dropped in training.
        never: ids that generation never gives, as that of padding.
    """

    def __init__(
        self,
        vocabulary: int,
        positions: int,
        width: int,
        depth: int,
        heads: int,
        feed_forward_ratio: float = 4.0,
        dropout: float = 0.0,
        never: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(positions, width))
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, feed_forward_ratio, dropout=dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.never: Tensor
        self.register_buffer("never", torch.tensor(sorted(never), dtype=torch.long), False)
        self.apply(initialise_transformer)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def forward(
        self,
        ids: Int[Tensor, "B N"],
        context: Float[Tensor, "B M D"],
        context_mask: Bool[Tensor, "B M"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """What `logits` needs to name the token after each; padding comes last."""
        return self._begin(ids, context, context_mask)[0]

    def logits(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """Of every id to be the next."""
        return F.linear(x, self.embedding.weight, self.bias)

    def begin(
        self,
        prompt: Int[Tensor, "B N"],
        lengths: Int[Tensor, " B"],
        context: Float[Tensor, "B M D"],
        context_mask: Bool[Tensor, "B M"] | None,
        longest: int,
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """The logits of the first token after each prompt, and the state to go on from.

        Args:
            prompt: at least one token of each sequence, padded at the end.
            lengths: how many of them are real.
            context: what is attended to; of no token at all where there is nothing.
            context_mask: None where all of it is real.
            longest: most tokens that are going to be generated, the first one included.

        Raises:
            ValueError: prompts and that many tokens need more positions than there are.
        """
        places = prompt.shape[1] + longest - 1  # the last one is never read
        if places > len(self.positions):
            raise ValueError(
                f"prompts of {prompt.shape[1]} tokens and {longest} more need {places} positions, "
                f"but the decoder has {len(self.positions)}; ask for fewer tokens"
            )
        x, own, read = self._begin(prompt, context, context_mask)
        room = (0, 0, 0, places - prompt.shape[1])
        state = DecoderState(
            own=[(F.pad(k, room), F.pad(v, room)) for k, v in own],
            context=read,
            context_mask=context_mask,
            lengths=lengths.clone(),
        )
        last = x[torch.arange(len(x), device=x.device), lengths - 1]
        return self._allowed(self.logits(last)), state

    def step(self, ids: Int[Tensor, " B"], state: DecoderState) -> Float[Tensor, "B V"]:
        """The logits of the token after `ids`, one further token of each sequence.

        Args:
            ids: B tokens.
            state: what came before; it takes in the new tokens.
        """
        x = (self.embedding(ids) + self.positions[state.lengths])[:, None]
        for layer, own, context in zip(self.layers, state.own, state.context, strict=True):
            assert isinstance(layer, DecoderLayer)
            x = layer.step(x, own, state.lengths, context, state.context_mask)
        state.lengths += 1
        return self._allowed(self.logits(self.norm(x[:, 0])))

    def _begin(
        self, ids: Tensor, context: Tensor, context_mask: Tensor | None
    ) -> tuple[Tensor, list[KeysValues], list[KeysValues]]:
        """Normalised states [B, N, D], and of each layer what it keeps: own, and of the context."""
        if ids.shape[1] > len(self.positions):
            raise ValueError(
                f"{ids.shape[1]} tokens came to a decoder of {len(self.positions)} positions"
            )
        x = self.embedding(ids) + self.positions[: ids.shape[1]]
        own, read = [], []
        for layer in self.layers:
            assert isinstance(layer, DecoderLayer)
            read.append(layer.read(context))
            x, kept = layer.begin(x, read[-1], context_mask)
            own.append(kept)
        return self.norm(x), own, read

    def _allowed(self, logits: Tensor) -> Tensor:
        return logits.index_fill(1, self.never, float("-inf"))
