"""Question answering in words: the answer to a question about pictures, videos, sounds, written.

    loss = - sum over the words w_i of log p(w_i | w_0 .. w_i-1, question, x)

The question is the modality text, and the decoder attends to it with all else. Where
`question_answering` chooses among the answers of the training set, this may say anything that its
words allow, and learns from every answer. An answer is right if it is the right one word for word,
but for capitals, punctuation and articles.

Shapes: B batch, P questions with an answer, N tokens, C most tokens of a text.

Source: section 3.1.2 of the document (VQA, video QA); Antol et al. 2015, "VQA"; Li et al. 2021,
"ALBEF" (answers written by a decoder).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from sensorium.batch import ABSENT, Batch, Inputs, Learned
from sensorium.model import Model
from sensorium.tasks.answers import comparable
from sensorium.tasks.questions import QuestionConfig, soft_scores, tallies_by_type
from sensorium.tasks.tally import Tally, mean_of
from sensorium.tasks.task import Encoded
from sensorium.tasks.vocabulary import Vocabulary
from sensorium.tasks.writing import Writing, WritingConfig
from sensorium.tasks.written import Written, several, spread_texts, texts_of_each


class AnswerGenerationConfig(QuestionConfig, WritingConfig):
    """The answer to the text of a sample, by `data.fields.answer`, in words."""


class AnswerGeneration(Writing):
    """A decoder that attends to the question and to what it is about.

    Args:
        learned: of the target `answer`, and of `question_type` where questions have one.

    Attributes:
        commonest: answer of the rows to train on.
        types: of the questions, in the order of their indices.
    """

    targets: ClassVar[tuple[str, ...]] = ("answer",)
    always_seen: ClassVar[frozenset[str]] = frozenset({"text"})
    told_as: ClassVar[str] = "answer"

    def __init__(
        self,
        config: AnswerGenerationConfig,
        model: Model,
        vocabulary: Vocabulary,
        learned: Mapping[str, Learned],
    ) -> None:
        super().__init__(config, model, vocabulary)
        answers = learned["answer"]
        self.commonest = comparable(max(zip(answers.rows, answers.names, strict=True))[1])
        self.types = list(learned["question_type"].names) if "question_type" in learned else []

    def words(self, batch: Batch) -> Inputs | None:
        ids, question = batch.targets.get("answer_tokens"), batch.inputs.get("text")
        if ids is None or question is None:
            return None
        real = ids != self.vocabulary.pad
        present = real.any(dim=1) & question.present
        return Inputs(ids[present], real[present], present) if present.any() else None

    def askable(self, batch: Batch) -> Bool[Tensor, " B"]:
        """Those that have a question."""
        if "text" in batch.inputs:
            return batch.inputs["text"].present
        device = next(self.parameters()).device
        return torch.zeros(len(batch), dtype=torch.bool, device=device)

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """As of every task that writes; and the questions, and their types."""
        predictions = super().predict(model, encoded, batch, generator)
        present = predictions["present"]
        questions = batch.inputs["text"].rows(present.nonzero()[:, 0])
        nobody = torch.full_like(present, ABSENT, dtype=torch.long)
        if "answers_tokens" in batch.targets:
            given = batch.targets["answers_tokens"]
            predictions = predictions | several("answers", given, present, self.vocabulary)
        return predictions | {
            "question": spread_texts(questions.values, present, self.vocabulary),
            "type": batch.targets.get("question_type", nobody),
        }

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Share of the answers that are right, with what is seen and from the question alone; and
        what the commonest answer of the rows to train on gives. Of each type of question: the same.
        """
        rows, truth = self.written_rows(predictions), self._comparable_truths(predictions)
        right = {
            blind: self._equal([comparable(of) for of in self.texts(predictions, view)], truth)
            for view, blind in self.views.items()
        }
        tallies = {f"accuracy{blind}": mean_of(rows, of) for blind, of in right.items()}
        if "answers" in predictions:
            tallies |= self._soft(predictions, rows)
        guess = self._equal([self.commonest] * len(truth), truth)
        tallies["accuracy_majority"] = mean_of(rows, guess)
        different = {answer: number for number, answer in enumerate(dict.fromkeys(truth))}
        numbers = torch.tensor([different[answer] for answer in truth])
        types = predictions["type"][predictions["present"]]
        tallies |= tallies_by_type(rows, right[""], numbers, types, self.types)
        tokens = self.token_tallies(predictions)
        return tallies | {name: of for name, of in tokens.items() if name.startswith("perplexity")}

    def written(self, predictions: Mapping[str, Tensor]) -> list[Written]:
        """Every answer beside the right one and the question; the score is 1 or 0."""
        rows = self.written_rows(predictions).tolist()
        texts, truths = self.texts(predictions), self._truths(predictions)
        questions = [self.text_of(ids) for ids in predictions["question"][predictions["present"]]]
        return [
            Written(row, text, (right,), float(comparable(text) == comparable(right)), question)
            for row, text, right, question in zip(rows, texts, truths, questions, strict=True)
        ]

    def _soft(self, predictions: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tally]:
        """`soft_accuracy`, where several people answered: an answer counts by how many gave it."""
        said = [comparable(text) for text in self.texts(predictions)]
        answers = [
            [comparable(a) for a in of]
            for of in texts_of_each(predictions, "answers", self.vocabulary)
        ]
        given = torch.tensor([len(of) for of in answers])
        alike = torch.tensor([of.count(one) for one, of in zip(said, answers, strict=True)])
        if not (given > 1).any():
            return {}
        return {"soft_accuracy": mean_of(rows, soft_scores(alike, given))}

    def _truths(self, predictions: Mapping[str, Tensor]) -> list[str]:
        return [self.text_of(ids) for ids in predictions["right words"][predictions["present"]]]

    def _comparable_truths(self, predictions: Mapping[str, Tensor]) -> list[str]:
        return [comparable(text) for text in self._truths(predictions)]

    def _equal(self, said: list[str], truth: list[str]) -> Bool[Tensor, " P"]:
        return torch.tensor([one == right for one, right in zip(said, truth, strict=True)])
