"""Matching: do these two belong together? A yes-or-no question to the fused representation.

    p(match | a, b) = sigmoid(w_ab . h(a, b))

Every sample is seen three times: with its own partner, with a wrong b and with a wrong a. The wrong
ones are drawn hard: with probability softmax(cosine similarity / temperature), so that the more
alike two samples look, the likelier they meet. The similarity is that of the contrastive task, but
the temperature is fixed: at the learned one, which falls as training goes on, the draw would soon
be only ever the most confusable pair of the batch, and matching would never learn the rest.
Without a contrastive task they are drawn evenly.

With several pairs of modalities each sample is looked at in one of those that it has, drawn anew
in every step: more pairs do not cost more.

Where rows have texts that are nearly right of them, it is judged on these, too (`hard_pairs.py`).

Shapes: B batch, K <= B samples with both modalities, R <= K of them that this task looks at.

Source: section 3.1.2 of the document (ITM); Li et al. 2021, "Align before Fuse" (ALBEF), 3.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.claim import Claim
from sensorium.tasks.hard_pairs import HARD_ROWS, tallies_of_hard, wrong_texts
from sensorium.tasks.pairs import (
    Pair,
    PairsConfig,
    PairsTold,
    both_present,
    claim_of_pair,
    comparable_keys,
    name_of,
    same_items,
)
from sensorium.tasks.tally import ROWS, Tally, rows_of, tally
from sensorium.tasks.task import Encoded, Loss, Task, Told

LOOKED_AT = "pair that matching looks at"  # in a prepared batch's targets: its number, -1 for none


class MatchingConfig(PairsConfig):
    """Image-text matching, or that of any pairs."""

    temperature: float = Field(0.2, gt=0)
    """Of the draw of wrong partners: the smaller, the harder they are."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of a batch's samples that are matched in a training step. Every one costs three passes
    through the fusion, while contrast is cheap and wants large batches."""


class Matching(Task):
    """A linear head for each pair, on the fused vector of its two modalities alone.

    Args:
        pad: token behind the end of a text.
        wrong_types: names of what may be wrong with the texts of hard pairs.
    """

    needs_fusion: ClassVar[bool] = True

    def __init__(
        self,
        config: MatchingConfig,
        model: Model,
        *,
        pad: int = 0,
        wrong_types: Sequence[str] = (),
    ) -> None:
        super().__init__()
        assert model.fusion is not None, "the recipe refuses a matching task without a fusion"
        self.pairs = config.pairs_of(model.widths)
        self.temperature = config.temperature
        self.share = config.share
        self.pad = pad
        self.wrong_types = list(wrong_types)
        self.heads = nn.ModuleDict(
            {name_of(pair): nn.Linear(model.fusion.width, 1) for pair in self.pairs}
        )
        for head in self.heads.values():
            assert isinstance(head, nn.Linear)
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def score(
        self, model: Model, pair: Pair, encodings: Mapping[str, Encoding]
    ) -> Float[Tensor, " B"]:
        """Log-odds that the two modalities in each row belong together."""
        fused = model.fuse({modality: encodings[modality] for modality in pair})
        return self.heads[name_of(pair)](fused.vector).float()[:, 0]

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Mark the samples that are looked at; batches are shuffled, so the first are any."""
        looked_at = self._draw_pairs(batch, generator)
        for number in range(len(self.pairs)):
            rows = (looked_at == number).nonzero()[:, 0]
            looked_at[rows[max(1, round(self.share * len(rows))) :]] = -1
        return replace(batch, targets={**batch.targets, LOOKED_AT: looked_at})

    def _draw_pairs(self, batch: Batch, generator: torch.Generator) -> Int[Tensor, " B"]:
        """A pair for each sample, by its number; -1 where the sample has none."""
        drawn = torch.full((len(batch),), -1, device=generator.device)
        rows_of = [both_present(batch.inputs, pair).to(drawn.device) for pair in self.pairs]
        usable = {number: rows for number, rows in enumerate(rows_of) if len(rows) > 1}
        if len(usable) == 1:  # one sample alone has no wrong partner
            ((number, rows),) = usable.items()
            drawn[rows] = number
        elif usable:
            scores = torch.rand(len(batch), len(rows_of), generator=generator, device=drawn.device)
            has = torch.zeros_like(scores, dtype=torch.bool)
            for number, rows in usable.items():
                has[rows, number] = True
            best = scores.masked_fill(~has, -1.0).max(dim=1)
            drawn = best.indices.masked_fill(best.values < 0, -1)
        return drawn

    def count(self, batch: Batch) -> int:
        return 3 * int((batch.targets[LOOKED_AT] >= 0).sum())

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        losses, correct = [], []
        for number, pair in enumerate(self.pairs):
            rows = both_present(encoded.encodings, pair)
            own = (batch.targets[LOOKED_AT][rows] == number).nonzero()[:, 0]
            if len(own):
                logits, labels = self._all_pairings(
                    model, encoded, batch, pair, rows, own, generator
                )
                losses.append(F.binary_cross_entropy_with_logits(logits, labels, reduction="sum"))
                correct.append(((logits > 0) == labels.bool()).sum())
        return Loss(torch.stack(losses).sum(), torch.stack(correct).sum())

    def can_predict(self, batch: Batch) -> bool:
        return any(len(both_present(batch.inputs, pair)) > 1 for pair in self.pairs)

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Every sample in every pair that it has, and the number of the pair; then its wrong texts,
        each with how far the own text is ahead of it."""
        parts: dict[str, list[Tensor]] = defaultdict(list)
        for number, pair in enumerate(self.pairs):
            rows = both_present(encoded.encodings, pair)
            if len(rows) > 1:
                own = torch.arange(len(rows), device=rows.device)
                logits, labels = self._all_pairings(
                    model, encoded, batch, pair, rows, own, generator
                )
                parts[ROWS].append(rows.repeat(3))
                parts["logits"].append(logits)
                parts["labels"].append(labels)
                parts["pair"].append(torch.full_like(labels, number))
            for of_texts in self._hard_pairs(model, encoded, batch, number):
                for what, values in of_texts.items():
                    parts[what].append(values)
        return {what: torch.cat(of_pairs) for what, of_pairs in parts.items()}

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The probability that the two modalities of each pair belong together."""
        told = PairsTold(len(batch))
        for pair in self.pairs:
            rows = both_present(encoded.encodings, pair)
            if len(rows):
                logits = self.score(model, pair, {m: encoded.encodings[m].rows(rows) for m in pair})
                told.add(pair, rows, logits.sigmoid())
        return told.samples

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The log-odds of each pair."""
        several = len(self.pairs) > 1
        return [
            claim_of_pair(
                pair, encoded, "log-odds", partial(self.score, model, pair), of_several=several
            )
            for pair in self.pairs
            if len(both_present(encoded.encodings, pair))
        ]

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Accuracy on matching and on wrong pairs, each half of the figure; guessing gives 0.5.

        With several pairs of modalities, that of each, and their mean.
        """
        logits, is_match = predictions["logits"], predictions["labels"].bool()
        right, rows = (logits > 0) == is_match, rows_of(predictions, len(logits))
        terms: dict[Pair, list[Tensor]] = {}
        for number in predictions["pair"].unique().long().tolist():
            asked = predictions["pair"] == number
            kinds = (asked & is_match, asked & ~is_match)
            terms[self.pairs[number]] = [of for kind in kinds for of in (right & kind, kind)]
        every = [term for of_pair in terms.values() for term in of_pair]
        tallies = {"accuracy": tally(rows, *every, formula=_mean_of_ratios)}
        if len(self.pairs) > 1:
            tallies |= {
                f"{name_of(pair)}/accuracy": tally(rows, *of_pair, formula=_mean_of_ratios)
                for pair, of_pair in terms.items()
            }
        names = [name_of(pair) for pair in self.pairs]
        return tallies | tallies_of_hard(predictions, self.wrong_types, names)

    def _hard_pairs(
        self, model: Model, encoded: Encoded, batch: Batch, number: int
    ) -> Iterator[dict[str, Tensor]]:
        """The predictions on wrong texts of one of the pairs, one text of each sample at a time."""
        pair = self.pairs[number]
        if "text" not in pair:
            return
        (other,) = set(pair) - {"text"}
        for rows, texts, types in wrong_texts(
            batch, both_present(encoded.encodings, pair), self.pad
        ):
            right = {modality: encoded.encodings[modality].rows(rows) for modality in pair}
            wrong = {other: right[other], "text": model.encode_modality("text", texts)}
            ahead = self.score(model, pair, right) - self.score(model, pair, wrong)
            yield {
                HARD_ROWS: rows,
                "ahead": ahead,
                "wrong_type": types,
                "hard_pair": torch.full_like(rows, number),
            }

    def _all_pairings(
        self,
        model: Model,
        encoded: Encoded,
        batch: Batch,
        pair: Pair,
        rows: Int[Tensor, " K"],
        own: Int[Tensor, " R"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, 3 * R], Float[Tensor, 3 * R]]:
        """Logits and labels: own partners, then a wrong b, then a wrong a, in one fusion pass."""
        a, b = (encoded.encodings[m].rows(rows) for m in pair)
        keys = torch.stack([comparable_keys(batch, m)[rows] for m in pair], dim=1)
        right = own[:, None] == torch.arange(len(rows), device=rows.device)
        right = right | same_items(keys[own], keys)
        wrong_b, wrong_a = (
            draw_hard(
                self._alike(encoded, way, rows, own).masked_fill(right, -torch.inf), generator
            )
            for way in (pair, pair[::-1])
        )
        pick_a, pick_b = torch.cat([own, own, wrong_a]), torch.cat([own, wrong_b, own])
        picked = dict(zip(pair, (a.rows(pick_a), b.rows(pick_b)), strict=True))
        logits = self.score(model, pair, picked)
        labels = torch.zeros_like(logits)
        labels[: len(own)] = 1
        return logits, labels

    def _alike(
        self, encoded: Encoded, pair: Pair, rows: Int[Tensor, " K"], own: Int[Tensor, " R"]
    ) -> Float[Tensor, "R K"]:
        """Similarity over temperature of the first modality of some samples to the second of all;
        zero where there is no contrastive task."""
        similarity = encoded.similarity(pair, rows[own], rows)
        if similarity is None:
            return torch.zeros(len(own), len(rows), device=rows.device)
        return similarity / self.temperature


def _mean_of_ratios(sums: Float[Tensor, "*R two_T"]) -> Float[Tensor, "*R"]:
    """Of every first sum over the second after it."""
    return (sums[..., 0::2] / sums[..., 1::2]).mean(dim=-1)


def draw_hard(similarity: Float[Tensor, "R K"], generator: torch.Generator) -> Int[Tensor, " R"]:
    """One column for each row, with probability softmax(similarity).

    A row of minus infinity, where the whole batch holds the same item, draws evenly: a wrong label
    there is rarer than a crash is costly.
    """
    probability = similarity.float().softmax(dim=1).nan_to_num(1.0)
    return torch.multinomial(probability, 1, generator=generator)[:, 0]
