"""Generation: one token after the other, the likeliest or a drawn one, to an end or a length.

A search knows nothing of a decoder: it gets the logits of the first token, a state, and a `Step`
that takes tokens in and gives the logits of the next. `layers/beam_search.py` has another search.

Shapes: B sequences, V vocabulary, N tokens.

Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (top-p); Fan et al.
2018, "Hierarchical Neural Story Generation" (top-k).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class State(Protocol):
    """What goes from one step to the next, of each sequence."""

    def rows(self, index: Tensor) -> Any:
        """That of the sequences `index`, in that order; each may come several times."""
        ...


S = TypeVar("S", bound=State)
Step = Callable[[Tensor, S], Tensor]
"""Tokens [B], which the state takes in -> logits of the next [B, V]."""
Choice = Callable[[Tensor], Tensor]
"""Logits [B, V] -> a token of each row [B]."""


@dataclass(frozen=True)
class Generated:
    """What was said.

    Attributes:
        ids: [B, N] tokens, the end token included where one came; end tokens fill the rest.
        mask: [B, N] bool, True = said.
        log_probability: [B] of all that was said.
    """

    ids: Int[Tensor, "B N"]
    mask: Bool[Tensor, "B N"]
    log_probability: Float[Tensor, " B"]


@torch.no_grad()
def generate(
    logits: Float[Tensor, "B V"],
    state: S,
    step: Step[S],
    *,
    end: int,
    longest: int,
    choose: Choice | None = None,
) -> Generated:
    """One token after the other.

    Args:
        logits: of the first token.
        state: that `step` goes on from.
        step: gives the logits of the next token.
        end: the token that ends a sequence.
        longest: most tokens of a sequence.
        choose: which token comes; None takes the likeliest.
    """
    said, masks = [], []
    going_on = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
    total = torch.zeros(len(logits), dtype=logits.dtype, device=logits.device)
    for number in range(longest):
        ids = logits.argmax(dim=1) if choose is None else choose(logits)
        ids = ids.masked_fill(~going_on, end)
        own = logits.log_softmax(dim=1).gather(1, ids[:, None])[:, 0]
        total = total + own.masked_fill(~going_on, 0.0)
        said.append(ids)
        masks.append(going_on)
        going_on = going_on & (ids != end)
        if number == longest - 1 or not going_on.any():
            break
        logits = step(ids, state)
    return Generated(torch.stack(said, dim=1), torch.stack(masks, dim=1), total)


def drawing(
    generator: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Choice:
    """Draws tokens with probability softmax(logits / temperature), from the likely ones alone.

    Args:
        generator: the source of chance.
        temperature: the smaller, the nearer to the likeliest.
        top_k: only the so many likeliest tokens.
        top_p: only the fewest of the likeliest that have this probability together.
    """

    def choose(logits: Tensor) -> Tensor:
        likely = keep_likely(logits / temperature, top_k, top_p)
        return torch.multinomial(likely.softmax(dim=1), 1, generator=generator)[:, 0]

    return choose


def keep_likely(
    logits: Float[Tensor, "B V"], top_k: int | None, top_p: float | None
) -> Float[Tensor, "B V"]:
    """The logits, minus infinity for all but the likely tokens; the likeliest always stays."""
    ordered, order = logits.sort(dim=1, descending=True, stable=True)
    unlikely = torch.zeros_like(ordered, dtype=torch.bool)
    if top_k is not None:
        unlikely[:, top_k:] = True
    if top_p is not None:
        probability = ordered.masked_fill(unlikely, float("-inf")).softmax(dim=1)
        unlikely |= probability.cumsum(dim=1) - probability >= top_p
    return logits.masked_fill(torch.zeros_like(unlikely).scatter(1, order, unlikely), float("-inf"))
