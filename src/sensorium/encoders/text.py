"""Words -> tokens: a Transformer over subword ids, from the same layers as the picture's.

Shapes: P texts present, N tokens, D width.

Source: Devlin et al. 2019, "BERT"; pre-norm layers; the root of D of Vaswani et al. 2017, section
3.4, which leaves the embedding itself small enough to be an output layer, too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Inputs
from sensorium.encoders.encoder import Encoder, EncoderConfig
from sensorium.layers.transformer import initialise_transformer

BUCKET_STEP = 4  # lengths of buckets are multiples of it: each further one has kernels of its own


class TextEncoderConfig(EncoderConfig):
    """A bidirectional text Transformer. Class pooling takes the first token, `[start]`."""

    depth: int = Field(3, ge=0)
    """Encoder layers."""
    length_buckets: int = Field(1, ge=1)
    """Encode the texts of a batch in up to so many groups of like length, each padded only to its
    own longest: the same result for less work, where kernels are large enough (on a CPU, 4)."""
    initial_words: Literal["small", "unit"] = "small"
    """How large words and their positions begin: `small`, of deviation 0.02 as in BERT, or as large
    as what the layers add to them (their embedding times the root of D), with which a word
    is told from its neighbours, and found in a picture, far sooner."""


class TextEncoder(Encoder):
    """Embed subword ids, add learned positions, and encode.

    Args:
        config: its settings.
        vocabulary: number of different ids.
        context_tokens: longest text, in tokens.

    Attributes:
        least_texts: of a bucket; with fewer, calling the kernels costs more than padding does.
    """

    least_texts: ClassVar[int] = 16

    def __init__(self, config: TextEncoderConfig, vocabulary: int, context_tokens: int) -> None:
        super().__init__(config)
        self.length_buckets = config.length_buckets
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.positions = nn.Parameter(torch.empty(context_tokens, config.width))
        self.apply(initialise_transformer)
        if config.initial_words == "small":
            self.scale = 1.0
            nn.init.trunc_normal_(self.positions, std=0.02)
        else:
            self.scale = config.width**0.5
            nn.init.normal_(self.embedding.weight, std=1 / self.scale)
            nn.init.normal_(self.positions, std=0.5)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        ids, mask = inputs.values, inputs.mask
        if torch.compiler.is_exporting():  # a graph is the same for any number of texts
            return self.encode_ids(ids, mask), mask
        buckets = min(self.length_buckets, len(ids) // self.least_texts)
        if mask is None or buckets < 2:
            return self.encode_ids(ids, mask), mask
        return self._encode_in_buckets(ids, mask, buckets), mask

    def encode_ids(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """ids int64 [P, N], or what they are embedded as [P, N, D], mask bool [P, N] -> tokens
        [P, N, D].

        Raises:
            ValueError: for more tokens than there are positions.
        """
        if ids.shape[1] > len(self.positions):
            raise ValueError(
                f"a text of {ids.shape[1]} tokens came to an encoder of {len(self.positions)}; "
                "cut it to data.text.context_tokens"
            )
        embedded = self.embedding(ids) if ids.dim() == 2 else ids
        x = self.scale * embedded + self.positions[: ids.shape[1]]
        return self.transformer(x, mask)

    def _encode_in_buckets(self, ids: Tensor, mask: Tensor, buckets: int) -> Tensor:
        lengths = mask.sum(dim=1)
        order = lengths.argsort(stable=True)
        encoded = []
        for rows in order.tensor_split(buckets):
            longest = -(-int(lengths[rows[-1]]) // BUCKET_STEP) * BUCKET_STEP
            longest = min(longest, ids.shape[1])
            tokens = self.encode_ids(ids[rows, :longest], mask[rows, :longest])
            encoded.append(F.pad(tokens, (0, 0, 0, ids.shape[1] - longest)))
        return torch.cat(encoded).index_select(0, order.argsort())
