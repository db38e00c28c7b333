"""What tasks know of the run's tokenizer: the tokens that are no words, and how ids read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def ids_as_words(ids: Sequence[int]) -> str:
    """Every id as a word of its own, where no tokenizer is at hand."""
    return " ".join(map(str, ids))


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a run.

    Attributes:
        size: number of different ids.
        context_tokens: longest text, with its start and end.
        pad, start, end, mask: ids of the special tokens.
        decode: ids -> their text, special tokens left out.
    """

    size: int
    context_tokens: int
    pad: int
    start: int
    end: int
    mask: int
    decode: Callable[[Sequence[int]], str] = ids_as_words

    @property
    def special(self) -> frozenset[int]:
        """Tokens that are no words."""
        return frozenset({self.pad, self.start, self.end, self.mask})
