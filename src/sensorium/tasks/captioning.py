"""Captioning: say in words what is seen and heard.

    loss = - sum over the words w_i of log p(w_i | w_0 .. w_i-1, x_m for all m but the text)

The caption is the text of a sample, so the text is withheld from what the decoder sees. With
`prompt_tokens` the first words are given, and it is what follows them that is learned and judged.
A sample of which nothing but its text is there teaches what captions are like at all.

Shapes: B batch, R captions of a sample, N tokens, C most tokens of a text.

Source: Vinyals et al. 2015, "Show and Tell"; Wang et al. 2022, "SimVLM" (a given prefix).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from pydantic import Field
from torch import Tensor

from sensorium.batch import Batch, Inputs
from sensorium.model import Model
from sensorium.tasks.bleu import bleu_counts, bleu_of_counts
from sensorium.tasks.cider import cider
from sensorium.tasks.ngrams import LONGEST
from sensorium.tasks.tally import Tally, mean_of, tally
from sensorium.tasks.task import Encoded
from sensorium.tasks.vocabulary import Vocabulary
from sensorium.tasks.words import words_of
from sensorium.tasks.writing import Writing, WritingConfig
from sensorium.tasks.written import Written, several, texts_of_each


class CaptioningConfig(WritingConfig):
    """The text of a sample, written from its other modalities."""

    prompt_tokens: int = Field(0, ge=0)
    """So many tokens of every caption are given, its first words; 0 lets all of it be written."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if not set(modalities) - {"text"}:
            has = ", ".join(modalities) or "none"
            yield f"needs a modality beside the text to caption, but model.encoders has only {has}"


class Captioning(Writing):
    """A decoder that attends to all but the text."""

    needs_data: ClassVar[tuple[str, ...]] = ("text",)
    withheld: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, config: CaptioningConfig, model: Model, vocabulary: Vocabulary) -> None:
        super().__init__(config, model, vocabulary, config.prompt_tokens)
        self.seen = tuple(m for m in model.widths if m not in self.withheld)

    def words(self, batch: Batch) -> Inputs | None:
        text = batch.inputs.get("text")
        return text if text is not None and len(text.values) else None

    def askable(self, batch: Batch) -> Bool[Tensor, " B"]:
        """Those that have anything that is seen."""
        device = next(self.parameters()).device
        seen = torch.zeros(len(batch), dtype=torch.bool, device=device)
        for modality in self.seen:
            if modality in batch.inputs:
                seen = seen | batch.inputs[modality].present
        return seen

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """As of every task that writes, and every caption of a sample, in one list for all."""
        predictions = super().predict(model, encoded, batch, generator)
        pad, own = self.vocabulary.pad, predictions["right words"][:, None]
        others = batch.targets.get("captions", own[:, :0])  # [B, R, N]
        others = F.pad(others, (0, own.shape[2] - others.shape[2]), value=pad)
        every = torch.cat([own, others], dim=1)
        return predictions | several("captions", every, predictions["present"], self.vocabulary)

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """How near to a caption what is written comes: BLEU-1 to BLEU-4, CIDEr-D, and the share
        that is one word for word.

        And how well every token is foreseen from the right ones before it: accuracy, perplexity.
        Beside the main ones stands what the decoder reaches without having seen anything.
        """
        rows = self.written_rows(predictions)
        captions = [[words_of(text) for text in of] for of in self._captions(predictions)]
        said = {
            blind: [words_of(text) for text in self.texts(predictions, view)]
            for view, blind in self.views.items()
        }
        counts = bleu_counts(said[""], captions)
        tallies = {
            f"bleu_{n}": tally(rows, counts, formula=partial(bleu_of_counts, longest=n))
            for n in range(1, LONGEST + 1)
        }
        for blind, texts in said.items():
            tallies[f"cider{blind}"] = mean_of(rows, torch.tensor(cider(texts, captions)))
        exact = [text in right for text, right in zip(said[""], captions, strict=True)]
        tallies["exact_match"] = mean_of(rows, torch.tensor(exact))
        return tallies | self.token_tallies(predictions)

    def written(self, predictions: Mapping[str, Tensor]) -> list[Written]:
        """Every caption beside those that would be right; the score is its CIDEr-D."""
        rows = self.written_rows(predictions).tolist()
        texts, captions = self.texts(predictions), self._captions(predictions)
        scores = cider(
            [words_of(text) for text in texts],
            [[words_of(text) for text in of] for of in captions],
        )
        return [
            Written(row, text, tuple(right), score)
            for row, text, right, score in zip(rows, texts, captions, scores, strict=True)
        ]

    def _captions(self, predictions: Mapping[str, Tensor]) -> list[list[str]]:
        """All captions of every sample that has any."""
        each = texts_of_each(predictions, "captions", self.vocabulary)
        return [list(dict.fromkeys(texts)) for texts in each]
