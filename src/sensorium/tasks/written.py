"""Texts in predictions: tokens, all padded to one length, and the way back to words.

Shapes: B batch, P samples with a text, R texts of one sample, N tokens, C most tokens of a text.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from sensorium.tasks.vocabulary import Vocabulary


@dataclass(frozen=True)
class Written:
    """What was written of a sample.

    Attributes:
        row: the sample's number.
        text: the words.
        references: what they should be, any of these.
        score: the larger the better.
        asked: the question that it answers, if any.
    """

    row: int
    text: str
    references: tuple[str, ...]
    score: float
    asked: str = ""


def several(
    name: str, texts: Int[Tensor, "B R N"], present: Bool[Tensor, " B"], vocabulary: Vocabulary
) -> dict[str, Tensor]:
    """For predictions: several texts of each sample, in one list for all, and how many each
    has."""
    pad, most = vocabulary.pad, vocabulary.context_tokens
    texts = F.pad(texts, (0, most - texts.shape[2]), value=pad)
    real = (texts != pad).any(dim=2) & present[:, None]
    return {name: texts[real], f"{name} of it": real.sum(dim=1)}


def texts_of_each(
    predictions: Mapping[str, Tensor], name: str, vocabulary: Vocabulary
) -> list[list[str]]:
    """Of every sample that has words, what `several` put into the predictions."""
    counts = predictions[f"{name} of it"][predictions["present"]].tolist()
    texts = [text_of(ids, vocabulary) for ids in predictions[name]]
    starts = itertools.accumulate(counts, initial=0)
    return [texts[start : start + n] for start, n in zip(starts, counts, strict=False)]


def text_of(ids: Int[Tensor, " N"], vocabulary: Vocabulary) -> str:
    """The words of a text, without its start, end and padding."""
    special = vocabulary.special
    return vocabulary.decode([id for id in ids.tolist() if id not in special])


def spread_texts(
    ids: Int[Tensor, "P N"], present: Bool[Tensor, " B"], vocabulary: Vocabulary
) -> Int[Tensor, "B C"]:
    """Texts of the samples that have one, all padded to the same length; pad for the others."""
    missing = vocabulary.context_tokens - ids.shape[1]
    ids = F.pad(ids, (0, missing), value=vocabulary.pad)
    spread = ids.new_full((len(present), ids.shape[1]), vocabulary.pad)
    return spread.index_copy(0, present.nonzero()[:, 0], ids)


def spread_rows(values: Tensor, present: Bool[Tensor, " B"]) -> Tensor:
    """[P] -> [B], zero where absent."""
    return values.new_zeros(len(present)).index_copy(0, present.nonzero()[:, 0], values)
