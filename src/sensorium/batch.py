"""The words that every layer shares: a sample, a batch of samples, a padded sequence of embeddings.

`data` writes these and the model reads them; neither knows the other. Mask polarity is one
everywhere: **True = real**. Ids and file names stay beside the values and never reach the model.
Rows are taken by `index_select`, whose gradient, unlike that of `x[index]`, adds in a fixed order
on a CPU, so that a run can be repeated bit for bit.

Shapes: B samples in the batch, P <= B of them with the modality present, N tokens, D width, V
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

ABSENT = -1
"""The index in a target, of a class or an answer, of a sample that has none."""

UNKNOWN = -2
"""The index of an answer that there is, but that no row to train on had."""


@dataclass(frozen=True)
class Learned:
    """What the rows to train on tell of a target: `data` learns it, and tasks are built by it.

    Attributes:
        names: of the classes or answers, in the order of their indices; none of a number.
        rows: how many rows to train on have each.
        total: how many have the target at all.
        numbered: whether a cell may hold the index of a class too, since the recipe says the order.
        mean: of a number.
        deviation: of a number; above 0.
    """

    names: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    total: int = 0
    numbered: bool = False
    mean: float = 0.0
    deviation: float = 1.0


@dataclass(frozen=True)
class Sample:
    """One decoded row. A modality that the row lacks has no key in `values`.

    Attributes:
        id: where the row came from, as in `train.jsonl:17`, so that an error can name it.
        values: modality -> tensor without a batch axis; image uint8 [3, H, W], text int64 [N].
        targets: name -> tensor, for tasks that need labels.
        source: the name that the recipe gives the set it is of; empty where it gives none.
        flaws: what is wrong inside of it, in words, though it can be used, as a box that reaches
            out of its picture.
    """

    id: str
    values: dict[str, Tensor]
    targets: dict[str, Tensor] = field(default_factory=dict)
    source: str = ""
    flaws: Sequence[str] = ()


@dataclass(frozen=True)
class Inputs:
    """One modality of a batch. Absent rows take no memory and are not encoded.

    Attributes:
        values: [P, ...], the present rows only, in batch order.
        mask: [P, N] bool, True = real; None where every position of every row is real. Of pictures
            of different shapes, which are padded at the right and below: [P, rows, columns], over
            their patches.
        present: [B] bool, which samples have the modality; P = present.sum().
        items: [P] int64: rows of equal numbers hold the same value, as ten questions about one
            picture do, which is then encoded once; None where nobody has looked, or none are equal.
    """

    values: Tensor
    mask: Tensor | None
    present: Tensor
    items: Tensor | None = None

    def rows(self, index: Tensor) -> Inputs:
        """The inputs of the samples `index` [K], in that order."""
        position = self.present.cumsum(0) - 1
        kept = index[self.present[index]]
        return Inputs(
            values=self.values.index_select(0, position[kept]),
            mask=None if self.mask is None else self.mask.index_select(0, position[kept]),
            present=self.present.index_select(0, index),
            items=None if self.items is None else self.items.index_select(0, position[kept]),
        )

    def keep(self, kept: Tensor) -> Inputs:
        """The same samples, of which only those that `kept` [B] holds true still have it."""
        stay = kept[self.present].nonzero()[:, 0]
        return Inputs(
            values=self.values.index_select(0, stay),
            mask=None if self.mask is None else self.mask.index_select(0, stay),
            present=self.present & kept,
            items=None if self.items is None else self.items.index_select(0, stay),
        )

    def distinct(self) -> tuple[Inputs, Tensor | None]:
        """Each value once, and for every present row [P] the place of its own among them; None
        where all are needed."""
        if self.items is None:
            return self, None
        items, place = self.items.unique(return_inverse=True)
        if len(items) == len(place):
            return self, None
        row = torch.arange(len(place), device=place.device)
        first = torch.full_like(items, len(place)).scatter_reduce(0, place, row, "amin")
        once = Inputs(
            values=self.values.index_select(0, first),
            mask=None if self.mask is None else self.mask.index_select(0, first),
            present=self.present.new_ones(len(items)),
        )
        return once, place

    def to(self, device: torch.device, non_blocking: bool = False) -> Inputs:
        return Inputs(
            values=self.values.to(device, non_blocking=non_blocking),
            mask=None if self.mask is None else self.mask.to(device, non_blocking=non_blocking),
            present=self.present.to(device, non_blocking=non_blocking),
            items=None if self.items is None else self.items.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Inputs:
        return Inputs(
            values=self.values.pin_memory(),
            mask=None if self.mask is None else self.mask.pin_memory(),
            present=self.present.pin_memory(),
            items=None if self.items is None else self.items.pin_memory(),
        )


@dataclass(frozen=True)
class Batch:
    """Samples side by side.

    Attributes:
        ids: B sample ids.
        inputs: modality -> `Inputs`; a modality that nobody has may be missing.
        targets: name -> what a task is to say of each sample; of one that lacks it the value in
            brackets. label int64 [B], a class (`ABSENT`); labels float32 [B, C], one or zero for
            each class (NaN); number float32 [B] (NaN); answer int64 [B], one of the answers of the
            training set (`ABSENT`, and `UNKNOWN` for any other); answer_tokens int64 [B, N] (all
            pad); question_type int64 [B] (`ABSENT`). In sets to be judged on, captions int64
            [B, R, N]: every text of a sample (all pad); answers int64 [B, R] and answers_tokens
            [B, R, N]: those of all people who gave one; wrong_texts int64 [B, R, N], nearly right
            of a sample (all pad), and wrong_types [B, R], what is wrong with each (`ABSENT`). Tasks
            may add their own.
        sources: the name of the set that each sample is of, empty where it has none; () where no
            set has a name.
        encodings: modality -> what a frozen encoder made of it before, which is then not run again.
    """

    ids: Sequence[str]
    inputs: dict[str, Inputs]
    targets: dict[str, Tensor] = field(default_factory=dict)
    sources: Sequence[str] = ()
    encodings: dict[str, Encoding] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, index: Tensor) -> Batch:
        """The samples `index` [K], in that order."""
        return Batch(
            ids=[self.ids[i] for i in index.tolist()],
            inputs={name: inputs.rows(index) for name, inputs in self.inputs.items()},
            targets={name: target[index] for name, target in self.targets.items()},
            sources=[self.sources[i] for i in index.tolist()] if self.sources else (),
            encodings={name: encoding.rows(index) for name, encoding in self.encodings.items()},
        )

    def split(self, parts: int) -> list[Batch]:
        """Cut into `parts` batches of nearly equal size, for gradient accumulation.

        Some are empty where there are fewer samples than parts.
        """
        if parts == 1:
            return [self]
        devices = [inputs.present.device for inputs in self.inputs.values()]
        rows = torch.arange(len(self), device=devices[0] if devices else None)
        return [self.rows(index) for index in rows.tensor_split(parts)]

    def without(self, *modalities: str) -> Batch:
        """The same samples with some modalities withheld."""
        kept = {name: inputs for name, inputs in self.inputs.items() if name not in modalities}
        known = {m: encoding for m, encoding in self.encodings.items() if m not in modalities}
        return replace(self, inputs=kept, encodings=known)

    def keep(self, kept: dict[str, Tensor]) -> Batch:
        """The same samples, which have a modality only where `kept[modality]` [B] is true."""
        return replace(
            self,
            inputs={m: inputs.keep(kept[m]) for m, inputs in self.inputs.items()},
            encodings={m: encoding.keep(kept[m]) for m, encoding in self.encodings.items()},
        )

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        return replace(
            self,
            inputs={n: inputs.to(device, non_blocking) for n, inputs in self.inputs.items()},
            targets={
                n: target.to(device, non_blocking=non_blocking)
                for n, target in self.targets.items()
            },
            encodings={n: encoding.to(device) for n, encoding in self.encodings.items()},
        )

    def pin_memory(self) -> Batch:
        return replace(
            self,
            inputs={name: inputs.pin_memory() for name, inputs in self.inputs.items()},
            targets={name: target.pin_memory() for name, target in self.targets.items()},
        )


@dataclass(frozen=True)
class WordEdges:
    """What each id of a tokenizer's vocabulary says of the words around it, bool [V] each.

    Attributes:
        begins: a word begins with this token.
        ends: whatever comes after this token, it begins another word.
        blank: the token is only space, and no word.
    """

    begins: Tensor
    ends: Tensor
    blank: Tensor


@dataclass(frozen=True)
class Tokens:
    """A padded sequence of embeddings.

    Attributes:
        values: [B, N, D].
        mask: [B, N] bool, True = real. A sample without the modality has no real token.
    """

    values: Tensor
    mask: Tensor

    def rows(self, index: Tensor) -> Tokens:
        """The sequences `index` [K], in that order."""
        return Tokens(self.values.index_select(0, index), self.mask.index_select(0, index))


@dataclass(frozen=True)
class Encoding:
    """What an encoder makes of one modality of a batch.

    Attributes:
        tokens: [B, N, D], every encoded token.
        pooled: [B, D], one vector per sample; zero where the modality is absent.
        present: [B] bool.
    """

    tokens: Tokens
    pooled: Tensor
    present: Tensor

    def rows(self, index: Tensor) -> Encoding:
        """The encodings of the samples `index` [K], in that order."""
        return Encoding(
            self.tokens.rows(index),
            self.pooled.index_select(0, index),
            self.present.index_select(0, index),
        )

    def keep(self, kept: Tensor) -> Encoding:
        """The same samples, of which only those that `kept` [B] holds true still have it."""
        return Encoding(
            Tokens(self.tokens.values, self.tokens.mask & kept[:, None]),
            self.pooled * kept[:, None],
            self.present & kept,
        )

    def to(self, to: torch.device | torch.dtype) -> Encoding:
        """On another device, or in another precision."""
        mask, present = self.tokens.mask, self.present
        if isinstance(to, torch.device):
            mask, present = mask.to(to), present.to(to)
        return Encoding(Tokens(self.tokens.values.to(to), mask), self.pooled.to(to), present)


@dataclass(frozen=True)
class Fused:
    """What a fusion makes of all modalities of a batch.

    Attributes:
        tokens: modality -> fused tokens [B, N_m, D]; empty where the fusion gives only a vector.
        vector: [B, D], the one representation h of each sample.
    """

    tokens: dict[str, Tokens]
    vector: Tensor


@dataclass(frozen=True)
class Representation:
    """h = f(x_1, ..., x_n), with its parts by name, so that tasks and probes take what they need.

    Attributes:
        encodings: modality -> `Encoding`, before fusion.
        fused: the fusion's output; None for a model without fusion (two encoders).
    """

    encodings: dict[str, Encoding]
    fused: Fused | None
