"""What the data path knows of each target: how cells become what a task is to say of a sample.

    cells --read--> tensor --collate--> [B, ...]

Which columns hold a target is said in `data.fields`, and never guessed. What a target's indices
stand for is learned from the rows to train on (`learned.py`) and given here, so that a class is the
same number in every set. A row that lacks a target has the value `absent`. To add a target: a class
here, a line in `TARGETS`, and its field in `columns.py`. Places in a picture are in
`box_targets.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sensorium.batch import ABSENT, UNKNOWN, Learned
from sensorium.data.box_targets import Box, Boxes, FrameOfPicture
from sensorium.data.cells import as_text
from sensorium.data.settings import DataConfig
from sensorium.data.target import Classes, Target
from sensorium.data.target_cells import (
    class_name,
    every_answer,
    one_answer,
    one_name,
    one_number,
)
from sensorium.data.text import Tokenizer


class Label(Target):
    """One class of several: int64, its index."""

    field = "label"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.tensor(ABSENT)
        self._classes = Classes(learned)

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        name = one_name(cells)
        return None if name is None else torch.tensor(self._classes.index(name))


class Labels(Target):
    """Any number of the classes: float32 [C], 1 for each that is there; absent: NaN."""

    field = "labels"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.full((len(learned.names),), math.nan)
        self._classes = Classes(learned)

    def read(self, cells: Sequence[Any]) -> Tensor:
        """No cell at all means that none of the classes is there."""
        value = torch.zeros_like(self.absent)
        for cell in cells:
            value[self._classes.index(class_name(cell))] = 1.0
        return value


class Number(Target):
    """A quantity: float32; absent: NaN."""

    field = "number"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.tensor(math.nan)

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        number = one_number(cells)
        return None if number is None else torch.tensor(number)


class Answer(Target):
    """The answer to a question, one of those of the training set: int64, its index.

    `UNKNOWN` where it is none of them: that is no mistake of the row, but nobody can answer so.
    """

    field = "answer"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.tensor(ABSENT)
        self._index = {name: index for index, name in enumerate(learned.names)}

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        answer = one_answer(cells)
        return None if answer is None else torch.tensor(self._index.get(answer, UNKNOWN))


class AnswerTokens(Target):
    """The same answer in words: int64 [N], between its start and end; absent: no token, all pad."""

    field = "answer"

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.zeros(0, dtype=torch.int64)
        self._tokenizer = tokenizer

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        answer = one_answer(cells)
        return None if answer is None else self._tokenizer.encode(answer)

    def collate(self, values: list[Tensor]) -> Tensor:
        return pad_sequence(values, batch_first=True, padding_value=self._tokenizer.pad)


class Answers(Target):
    """The answers of all people who gave one: int64 [R], their indices; absent: none, all `ABSENT`.

    Only where a model is judged: an answer is as right as many gave it.
    """

    field = "answer"
    required = False
    judged_only = True

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.zeros(0, dtype=torch.int64)
        self._index = {name: index for index, name in enumerate(learned.names)}

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        given = [self._index.get(answer, UNKNOWN) for answer in every_answer(cells)]
        return torch.tensor(given) if given else None

    def collate(self, values: list[Tensor]) -> Tensor:
        return pad_sequence(values, batch_first=True, padding_value=ABSENT)


class SeveralTexts(Target):
    """Texts that a sample has beside its own: int64 [R, N], padded; absent: none, all pad."""

    required = False
    judged_only = True

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.zeros((0, 0), dtype=torch.int64)
        self._tokenizer = tokenizer

    def texts(self, cells: Sequence[Any]) -> Iterable[str]:
        """Those that the cells hold."""
        raise NotImplementedError

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        given = [self._tokenizer.encode(text) for text in self.texts(cells)]
        return pad_sequence(given, True, self._tokenizer.pad) if given else None

    def collate(self, values: list[Tensor]) -> Tensor:
        return padded_texts(values, self._tokenizer.pad)


class AnswersTokens(SeveralTexts):
    """The same answers in words."""

    field = "answer"

    def texts(self, cells: Sequence[Any]) -> Iterable[str]:
        return every_answer(cells)


class QuestionType(Target):
    """Which kind of question it is, to tell figures apart: int64, its index.

    Nothing is learned from it, so one that no training row has is no mistake: it is absent.
    """

    field = "question_type"
    required = False

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.tensor(ABSENT)
        self._index = {name: index for index, name in enumerate(learned.names)}

    def read(self, cells: Sequence[Any]) -> Tensor | None:
        name = one_answer(cells)
        return torch.tensor(self._index[name]) if name in self._index else None


class WrongTexts(SeveralTexts):
    """Texts that are nearly right of a sample."""

    field = "wrong_text"

    def texts(self, cells: Sequence[Any]) -> Iterable[str]:
        return map(as_text, cells)


class WrongTypes(Target):
    """What is wrong with each of these texts, in their order: int64 [R], its index; absent: none,
    all `ABSENT`, as a type that no set of the recipe has."""

    field = "wrong_type"
    required = False
    judged_only = True

    def __init__(self, learned: Learned, tokenizer: Tokenizer, config: DataConfig) -> None:
        self.absent = torch.zeros(0, dtype=torch.int64)
        self._index = {name: index for index, name in enumerate(learned.names)}

    def read(self, cells: Sequence[Any]) -> Tensor:
        return torch.tensor([self._index.get(name, ABSENT) for name in every_answer(cells)])

    def collate(self, values: list[Tensor]) -> Tensor:
        return pad_sequence(values, batch_first=True, padding_value=ABSENT)


class Captions(Target):
    """Every text of a sample that is judged, the modality's own among them: int64 [R, N], padded;
    absent: none, all pad. No column is its own, and no run has to learn anything of it."""

    field = "text"
    required = False

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.absent = torch.zeros((0, 0), dtype=torch.int64)
        self._pad = tokenizer.pad

    def read(self, cells: Sequence[Tensor]) -> Tensor:
        """Texts in tokens, side by side."""
        return pad_sequence(list(cells), batch_first=True, padding_value=self._pad)

    def collate(self, values: list[Tensor]) -> Tensor:
        return padded_texts(values, self._pad)


TARGETS: Mapping[str, type[Target]] = {
    "label": Label,
    "labels": Labels,
    "number": Number,
    "answer": Answer,
    "answer_tokens": AnswerTokens,
    "answers": Answers,
    "answers_tokens": AnswersTokens,
    "question_type": QuestionType,
    "boxes": Boxes,
    "box": Box,
    "wrong_texts": WrongTexts,
    "wrong_types": WrongTypes,
}

FRAME = "frame"
"""The target that leads back to the file; there where any other is a place in the picture."""


def to_learn(targets: Mapping[str, Target]) -> dict[str, Target]:
    """Those that a set to train on has."""
    return {name: target for name, target in targets.items() if not target.judged_only}


def padded_texts(values: Sequence[Tensor], pad: int) -> Tensor:
    """Several texts of each sample [R, N], side by side [B, R, N]."""
    most, longest = (max(value.shape[axis] for value in values) for axis in (0, 1))
    padded = torch.full((len(values), most, longest), pad)
    for row, value in enumerate(values):
        padded[row, : value.shape[0], : value.shape[1]] = value
    return padded


def build_targets(
    learned: Mapping[str, Learned], tokenizer: Tokenizer, config: DataConfig, frames: bool = False
) -> dict[str, Target]:
    """Every target whose field a run has learned something of.

    Args:
        learned: field -> what its indices stand for.
        config: how cells are read.
        frames: whether samples say what they show of their file in any case.
    """
    targets: dict[str, Target] = {
        name: target(learned[target.field], tokenizer, config)
        for name, target in TARGETS.items()
        if target.field in learned
    }
    if frames or "boxes" in targets or "box" in targets:
        targets[FRAME] = FrameOfPicture()
    return targets
