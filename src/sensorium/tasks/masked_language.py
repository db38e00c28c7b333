"""Masked language modelling: name the hidden words from the others and from what is seen.

    loss = - sum over hidden positions t of log p(w_t | the visible words, the other modalities)

Hidden positions become `[mask]`, always: keeping or swapping some of them, as BERT did, was found
to bring nothing (Wettig et al. 2023, "Should You Mask 15% in Masked Language Modeling?"), and one
rule lets the hidden positions be read off the masked text itself.

A word is hidden whole, with all of its tokens: the end of a rare word, named from its begin,
teaches spelling. In scripts without spaces a word is a character, whose bytes may be several
tokens.

Shapes: B batch, P texts present, N tokens, M hidden tokens, V vocabulary.

Source: section 3.1.2 of the document (MLM); Devlin et al. 2019, "BERT"; Li et al. 2021, "ALBEF";
Cui et al. 2021, "Pre-Training with Whole Word Masking for Chinese BERT".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Fused, Inputs, WordEdges
from sensorium.encoders import TextEncoder
from sensorium.model import Model
from sensorium.tasks.tally import ROWS, Tally, mean_of, rows_of
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig

MASKED_TEXT = "masked text"  # the key, in a prepared batch, of the text with its hidden words


class MaskedLanguageConfig(TaskConfig):
    """Masked language modelling through the fusion."""

    hidden: float = Field(0.25, gt=0, lt=1)
    """Share of the words' tokens that are hidden; at least one in every text."""
    whole_words: bool = True
    """Hide all tokens of a word together (of Chinese, of a character), not each by its own lot."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of a batch's samples whose text is masked in a training step."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if "text" not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality text, but model.encoders has only {has}"


class MaskedLanguage(Task):
    """A small head on the fused text tokens, whose last layer is the text encoder's embedding."""

    needs_fusion: ClassVar[bool] = True
    needs_fused_tokens: ClassVar[bool] = True

    def __init__(
        self,
        config: MaskedLanguageConfig,
        model: Model,
        mask_id: int,
        special_ids: frozenset[int],
        words: WordEdges | None = None,
    ) -> None:
        super().__init__()
        assert model.fusion is not None, "the recipe refuses masked language without a fusion"
        self.hidden = config.hidden
        self.share = config.share
        self.mask_id = mask_id
        self.special_ids: Tensor
        self.word_begins: Tensor
        self.word_ends: Tensor
        vocabulary = _word_embedding(model).num_embeddings
        each = torch.ones(vocabulary, dtype=torch.bool)
        words = WordEdges(each, each, ~each) if words is None else words
        if not config.whole_words:
            words = replace(words, begins=each)
        special = {*special_ids, *words.blank.nonzero()[:, 0].tolist()}
        self.register_buffer("special_ids", torch.tensor(sorted(special)), persistent=False)
        self.register_buffer("word_begins", words.begins, persistent=False)
        self.register_buffer("word_ends", words.ends, persistent=False)
        width = model.widths["text"]
        self.transform = nn.Sequential(
            nn.Linear(model.fusion.width, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Add the text with hidden words, under the key `MASKED_TEXT`."""
        text = batch.inputs.get("text")
        if text is None:
            return batch
        hide = self._draw_hidden(text, generator)
        values = text.values.masked_fill(hide, self.mask_id)
        masked = replace(text, values=values, items=None)  # each is hidden in its own way
        return replace(batch, inputs={**batch.inputs, MASKED_TEXT: masked})

    def _draw_hidden(self, text: Inputs, generator: torch.Generator) -> Bool[Tensor, "P N"]:
        """Which tokens to hide: a share of the words, and at least one in every text."""
        words = ~torch.isin(text.values, self.special_ids)
        if text.mask is not None:
            words &= text.mask
        if self.training:
            words[round(self.share * len(words)) :] = False
        draw = torch.rand(words.shape, generator=generator, device=generator.device)
        draw = draw.gather(1, self._first_tokens(text.values))
        draw = draw.masked_fill(~words, 2.0)
        hide = (draw < self.hidden) | (draw == draw.min(dim=1, keepdim=True).values)
        return hide & words

    def _first_tokens(self, ids: Int[Tensor, "P N"]) -> Int[Tensor, "P N"]:
        """Where the word that each token is of begins."""
        begins = self.word_begins[ids]
        begins[:, 1:] |= self.word_ends[ids[:, :-1]]
        places = torch.arange(ids.shape[1], device=ids.device)
        return places.where(begins, 0).cummax(dim=1).values

    def count(self, batch: Batch) -> int:
        masked = batch.inputs.get(MASKED_TEXT)
        if masked is None or "text" not in batch.inputs:
            return 0
        return int((masked.values == self.mask_id).sum())

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows, hidden, words = self._hidden_words(batch)
        others = {m: e.rows(rows) for m, e in encoded.encodings.items() if m != "text"}
        text = model.encode_modality("text", batch.inputs[MASKED_TEXT].rows(rows))
        logits = self._name_words(model, model.fuse({**others, "text": text}), hidden)
        loss = F.cross_entropy(logits, words, reduction="sum")
        return Loss(loss, (logits.argmax(dim=1) == words).sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Whether each hidden word is named rightly: with the other modalities, and without."""
        rows, hidden, words = self._hidden_words(batch)
        others = {m: e.rows(rows) for m, e in encoded.encodings.items() if m != "text"}
        text = model.encode_modality("text", batch.inputs[MASKED_TEXT].rows(rows))
        conditioned = self._name_words(model, model.fuse({**others, "text": text}), hidden)
        alone = self._name_words(model, model.fuse({"text": text}), hidden)
        return {
            ROWS: rows.repeat_interleave(hidden.sum(dim=1)),
            "right": conditioned.argmax(dim=1) == words,
            "right_withheld": alone.argmax(dim=1) == words,
        }

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Share of the hidden words named rightly, and the same with all but the text withheld."""
        rows = rows_of(predictions, len(predictions["right"]))
        return {
            "accuracy": mean_of(rows, predictions["right"]),
            "accuracy_withheld": mean_of(rows, predictions["right_withheld"]),
        }

    def _hidden_words(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Samples [K] with hidden words, where those are [K, N], and what they were [M]."""
        masked = batch.inputs[MASKED_TEXT]
        hidden = masked.values == self.mask_id  # [P, N]
        some = hidden.any(dim=1)
        rows = masked.present.nonzero()[:, 0][some]
        return rows, hidden[some], batch.inputs["text"].values[hidden]

    def _name_words(
        self, model: Model, fused: Fused, hidden: Bool[Tensor, "K N"]
    ) -> Float[Tensor, "M V"]:
        """Logits over the vocabulary for every hidden position."""
        states = self.transform(fused.tokens["text"].values[hidden])
        return F.linear(states, _word_embedding(model).weight, self.bias).float()


def _word_embedding(model: Model) -> nn.Embedding:
    encoder = model.encoders["text"]
    assert isinstance(encoder, TextEncoder), "the encoder of words embeds words"
    return encoder.embedding
