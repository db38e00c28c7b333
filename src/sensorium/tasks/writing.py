"""What every task shares that writes words: a decoder over what is seen.

    p(w_1 .. w_n | seen) = product over i of p(w_i | w_0 .. w_i-1, seen)        w_0 = [start]
    loss = - sum over the tokens i of log p(w_i | w_0 .. w_i-1, seen)           w_n = [end]

A subclass says which words are to be written (`words`) and what of a sample is never seen.

Shapes: B batch, P samples with words, N tokens, M tokens of what is seen, V vocabulary, C most
tokens of a text.

Source: Vinyals et al. 2015, "Show and Tell"; Li et al. 2022, "BLIP" (a decoder that attends to
tokens); Szegedy et al. 2016 (label smoothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from sensorium.batch import Batch, Encoding, Inputs, Tokens
from sensorium.layers.decoder import Decoder
from sensorium.model import Model
from sensorium.tasks.claim import Claim, Encodings
from sensorium.tasks.context import Context
from sensorium.tasks.decoding import DecoderConfig, GenerationConfig
from sensorium.tasks.tally import ROWS, Tally, ratio, rows_of, tally
from sensorium.tasks.task import Encoded, Loss, Task, TaskConfig, Told, told_of
from sensorium.tasks.vocabulary import Vocabulary
from sensorium.tasks.written import Written, spread_rows, spread_texts, text_of

BLIND = " blind"  # the ending, in predictions, of what is written without seeing


class WritingConfig(TaskConfig):
    """A task that writes words."""

    decoder: DecoderConfig = DecoderConfig()
    """The decoder."""
    generation: GenerationConfig = GenerationConfig()
    """How words are searched for, once the decoder is trained."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the probability that learning spreads over all tokens."""


class Writing(Task):
    """A decoder that attends to what is seen of a sample, and writes.

    Args:
        config: its settings.
        model: f.
        vocabulary: of the words that it writes.
        prompt_tokens: so many of a text's first words' tokens are given, never asked for.

    Attributes:
        withheld: modalities that it never sees.
        always_seen: of the others, those that stay where the blind figures withhold all else.
        told_as: what a person is told that its words are.
        views: how it is judged, seeing what it may and blind: ending of what is predicted so ->
            ending of the figures' names.
    """

    withheld: ClassVar[frozenset[str]] = frozenset()
    always_seen: ClassVar[frozenset[str]] = frozenset()
    told_as: ClassVar[str] = "text"

    def __init__(
        self, config: WritingConfig, model: Model, vocabulary: Vocabulary, prompt_tokens: int = 0
    ) -> None:
        super().__init__()
        self.generation = config.generation
        self.label_smoothing = config.label_smoothing
        self.vocabulary = vocabulary
        self.prompt_tokens = prompt_tokens
        blind_to = [m for m in model.widths if m not in self.withheld | self.always_seen]
        self.views = {"": ""} | ({BLIND: f"_without_{'_and_'.join(blind_to)}"} if blind_to else {})
        self.context = Context(model, config.decoder.width, self.withheld)
        self.decoder = Decoder(
            vocabulary.size,
            vocabulary.context_tokens,
            never=vocabulary.special - {vocabulary.end},
            **config.decoder.model_dump(),
        )

    def words(self, batch: Batch) -> Inputs | None:
        """What is to be written, each text between its start and end; None where nobody has any."""
        raise NotImplementedError

    def count(self, batch: Batch) -> int:
        words = self.words(batch)
        return 0 if words is None else int(self._asked(words).sum())

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        words = self._some_words(batch)
        logits, right = self._logits(words, self._seen(model, encoded.encodings, words))
        loss = F.cross_entropy(logits, right, reduction="sum", label_smoothing=self.label_smoothing)
        return Loss(loss, (logits.argmax(dim=1) == right).sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Of every sample, with what is seen and blind: what is written, and how likely, token by
        token, is what should be."""
        words = self._some_words(batch)
        present = words.present
        blind = {m: e for m, e in encoded.encodings.items() if m in self.always_seen}
        asked = self._asked(words).sum(dim=1)
        predictions = {
            ROWS: torch.arange(len(present), device=present.device),
            "present": present,
            "right words": spread_texts(words.values, present, self.vocabulary),
            "asked": spread_rows(asked, present),
        }
        for view in self.views:
            context = self._seen(model, blind if view else encoded.encodings, words)
            right, log_probability = self._judged(words, context)
            said = self._written(words, context, generator)
            predictions |= {
                f"said{view}": spread_texts(said, present, self.vocabulary),
                f"right{view}": spread_rows(right, present),
                f"log probability{view}": spread_rows(log_probability, present),
            }
        return predictions

    def askable(self, batch: Batch) -> Bool[Tensor, " B"]:
        """The samples that something can be written of, without anybody knowing what is right."""
        raise NotImplementedError

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """What is written of every sample, from its first word on; the same every time."""
        rows = self.askable(batch).nonzero()[:, 0]
        if not len(rows):
            return [None] * len(batch)
        told = [{self.told_as: self.text_of(ids)} for ids in self._of(model, encoded, rows)]
        return told_of(len(batch), rows, told)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """What is written of every sample, by the log-probability of all its tokens."""
        rows = self.askable(batch).nonzero()[:, 0]
        if not len(rows):
            return []
        written = self._of(model, encoded, rows)
        place = torch.zeros(len(batch), dtype=torch.long, device=rows.device)
        place = place.index_copy(0, rows, torch.arange(len(rows), device=rows.device))

        def figure(encodings: Encodings, samples: Tensor) -> Tensor:
            context = self.context(model, encodings, torch.arange(len(samples), device=rows.device))
            words = written[place[samples]]
            states = self.decoder(words[:, :-1], context.values, context.mask)
            likely = self.decoder.logits(states).float().log_softmax(dim=2)
            likely = likely.gather(2, words[:, 1:, None])[:, :, 0]
            return likely.where(words[:, 1:] != self.vocabulary.pad, 0.0).sum(dim=1)

        said = told_of(len(batch), rows, [self.text_of(ids) for ids in written])
        modalities = tuple(m for m in model.widths if m not in self.withheld)
        return [Claim("", said, "log-probability", modalities, figure)]

    def _of(self, model: Model, encoded: Encoded, rows: Int[Tensor, " K"]) -> Int[Tensor, "K C"]:
        """What is written of some samples, from its first word on; the same every time."""
        start = rows.new_full((len(rows), 1), self.vocabulary.start)
        generator = torch.Generator(rows.device).manual_seed(0)
        context = self.context(model, encoded.encodings, rows)
        return self.write(context, start, torch.ones_like(rows), generator)

    def write(
        self,
        context: Tokens,
        prompts: Int[Tensor, "P N"],
        lengths: Int[Tensor, " P"],
        generator: torch.Generator,
    ) -> Int[Tensor, "P C"]:
        """What comes to mind at the sight of something, prompts included, padded.

        Args:
            context: what is seen, as `self.context` gives it.
            prompts: the start token and the first words of each text, padded at the end.
            lengths: how many of them are real.
            generator: draws, where the settings say so.
        """
        pad, most = self.vocabulary.pad, self.vocabulary.context_tokens
        longest = min(most - prompts.shape[1], self.generation.max_tokens or most)
        logits, state = self.decoder.begin(prompts, lengths, context.values, context.mask, longest)
        found = self.generation.search(
            logits,
            state,
            self.decoder.step,
            end=self.vocabulary.end,
            longest=longest,
            generator=generator,
        )
        places = torch.arange(prompts.shape[1], device=prompts.device)
        prompts = prompts.masked_fill(places >= lengths[:, None], pad)
        said = torch.cat([prompts, found.ids.masked_fill(~found.mask, pad)], dim=1)
        return F.pad(said, (0, most - said.shape[1]), value=pad)

    def token_tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """How well every token is foreseen, each from the right ones before it: the share named
        rightly, and exp of the mean of - log p; with what is seen, and blind."""
        rows, present = self.written_rows(predictions), predictions["present"]
        asked = predictions["asked"][present]
        tallies: dict[str, Tally] = {}
        for view, blind in self.views.items():
            right = predictions[f"right{view}"][present]
            likely = predictions[f"log probability{view}"][present]
            tallies[f"accuracy{blind}"] = tally(rows, right, asked)
            tallies[f"perplexity{blind}"] = tally(rows, likely, asked, formula=_perplexity)
        return tallies

    def written_rows(self, predictions: Mapping[str, Tensor]) -> Int[Tensor, " P"]:
        """The samples that have words."""
        present = predictions["present"]
        return rows_of(predictions, len(present))[present]

    def texts(self, predictions: Mapping[str, Tensor], view: str = "") -> list[str]:
        """What was written of the samples that have words."""
        return [self.text_of(ids) for ids in predictions[f"said{view}"][predictions["present"]]]

    def written(self, predictions: Mapping[str, Tensor]) -> list[Written]:
        """What was written of every sample that has words, beside what is right."""
        raise NotImplementedError

    def text_of(self, ids: Int[Tensor, " N"]) -> str:
        """The words of a text, without its start, end and padding."""
        return text_of(ids, self.vocabulary)

    def _some_words(self, batch: Batch) -> Inputs:
        words = self.words(batch)
        assert words is not None, "a task is asked only where it has items"
        return words

    def _seen(self, model: Model, encodings: Mapping[str, Encoding], words: Inputs) -> Tokens:
        """What is seen of the samples with words."""
        return self.context(model, encodings, words.present.nonzero()[:, 0])

    def _asked(self, words: Inputs) -> Bool[Tensor, "P M"]:
        """Which of the tokens after the first are to be named: all but those of the prompt, and the
        end in any case."""
        asked = torch.ones_like(words.values[:, 1:], dtype=torch.bool)
        if words.mask is not None:
            asked &= words.mask[:, 1:]
        given = words.values[:, 1 : 1 + self.prompt_tokens]
        asked[:, : self.prompt_tokens] &= given == self.vocabulary.end
        return asked

    def _prompts(self, words: Inputs) -> tuple[Int[Tensor, "P N"], Int[Tensor, " P"]]:
        """The start of each text with the words that are given, and how many tokens that is."""
        real = words.values.shape[1] if words.mask is None else words.mask.sum(dim=1)
        lengths = real - self._asked(words).sum(dim=1)
        return words.values[:, : int(lengths.max())], lengths

    def _logits(self, words: Inputs, context: Tokens) -> tuple[Tensor, Tensor]:
        """Logits [T, V] of all T tokens that are asked for, and which are right [T]."""
        asked = self._asked(words)
        states = self.decoder(words.values[:, :-1], context.values, context.mask)
        return self.decoder.logits(states[asked]).float(), words.values[:, 1:][asked]

    def _judged(self, words: Inputs, context: Tokens) -> tuple[Tensor, Tensor]:
        """Of each text [P]: how many tokens are named rightly, each seeing those before it; and the
        log-probability of them all."""
        logits, right = self._logits(words, context)
        text = self._asked(words).nonzero()[:, 0]
        none = torch.zeros(len(words.values), device=logits.device)
        named = (logits.argmax(dim=1) == right).float()
        likely = logits.log_softmax(dim=1).gather(1, right[:, None])[:, 0]
        return none.index_add(0, text, named), none.index_add(0, text, likely)

    def _written(
        self, words: Inputs, context: Tokens, generator: torch.Generator
    ) -> Int[Tensor, "P C"]:
        prompts, lengths = self._prompts(words)
        if context.values.shape[1] or self.prompt_tokens:
            return self.write(context, prompts, lengths, generator)
        # Who sees nothing and is given nothing says the same of everything.
        one = Tokens(context.values[:1], context.mask[:1])
        return self.write(one, prompts[:1], lengths[:1], generator).expand(len(prompts), -1)


def _perplexity(sums: Float[Tensor, "*R 2"]) -> Float[Tensor, "*R"]:
    """From the sums of log-probabilities and of tokens."""
    return (-ratio(sums)).exp()
