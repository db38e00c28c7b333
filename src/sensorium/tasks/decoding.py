"""The settings of a decoder, and of the search for words with it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from sensorium.config import Config
from sensorium.layers.beam_search import beam_search
from sensorium.layers.generation import Generated, S, Step, drawing, generate


class DecoderConfig(Config):
    """A causal Transformer that attends to what is seen."""

    width: int = Field(192, gt=0)
    """Values in each token (D)."""
    depth: int = Field(2, ge=1)
    """Layers of causal self-attention, cross-attention and feed-forward network."""
    heads: int = Field(3, gt=0)
    """Attention heads; they must divide the width."""
    feed_forward_ratio: float = Field(4.0, gt=0)
    """Hidden width of the feed-forward networks over the width."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of each residual branch's values dropped in training."""

    @model_validator(mode="after")
    def _heads_divide_width(self) -> DecoderConfig:
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        return self


class GenerationConfig(Config):
    """Greedy by default; a beam, or a draw where there is a temperature."""

    max_tokens: int | None = Field(None, gt=0)
    """Most tokens of what is written; none leaves it to `data.text.context_tokens`."""
    beams: int = Field(1, ge=1)
    """Sequences followed at a time; 1 takes the likeliest token each time."""
    length_penalty: float = Field(1.0, ge=0)
    """Of a beam's log-probability: divided by length to this power, so that 0 likes short texts."""
    temperature: float | None = Field(None, gt=0)
    """Draw each token, with probability softmax(logits / temperature); none draws nothing."""
    top_k: int | None = Field(None, ge=1)
    """Draw from the so many likeliest tokens."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Draw from the fewest of the likeliest tokens that have this probability together."""

    @model_validator(mode="after")
    def _one_search(self) -> GenerationConfig:
        if self.temperature is not None and self.beams > 1:
            raise ValueError(
                f"beams={self.beams} looks for the likeliest and temperature={self.temperature:g} "
                "draws; leave one of the two out"
            )
        if self.temperature is None and (self.top_k is not None or self.top_p is not None):
            raise ValueError("top_k and top_p narrow a draw; give a temperature, as in 1.0")
        return self

    def search(
        self,
        logits: Float[Tensor, "B V"],
        state: S,
        step: Step[S],
        *,
        end: int,
        longest: int,
        generator: torch.Generator,
    ) -> Generated:
        """Go on from the first logits, as the settings say.

        Args:
            logits: of the first token.
            state: that `step` goes on from.
            step: gives the logits of the next token.
            end: the token that ends a text.
            longest: most tokens of a text.
            generator: draws, where something is drawn.
        """
        if self.beams > 1:
            return beam_search(
                logits,
                state,
                step,
                end=end,
                longest=longest,
                beams=self.beams,
                length_penalty=self.length_penalty,
            )
        choose = None
        if self.temperature is not None:
            choose = drawing(generator, self.temperature, self.top_k, self.top_p)
        return generate(logits, state, step, end=end, longest=longest, choose=choose)
