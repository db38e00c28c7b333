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

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor

from sensorium.batch import ABSENT, Batch, Inputs, Learned
from sensorium.model import Model
from sensorium.tasks.answers import comparable
from sensorium.tasks.task import Encoded
from sensorium.tasks.vocabulary import Vocabulary
from sensorium.tasks.writing import Writing, WritingConfig, Written


class AnswerGenerationConfig(WritingConfig):
    """The answer to the text of a sample, by `data.fields.answer`, in words."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if "text" not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality text, for the question, but model.encoders has only {has}"


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
        return predictions | {
            "question": self._spread(questions.values, present),
            "type": batch.targets.get("question_type", nobody),
        }

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        """Share of the answers that are right, with what is seen and from the question alone; and
        what the commonest answer of the rows to train on gives.

        Of each type of question: the same, and `accuracy_majority_of_...`, of the commonest right
        answer to this type in the judged set itself.
        """
        truth = [comparable(text) for text in self._truths(predictions)]
        figures = {}
        for view, blind in self.views.items():
            said = [comparable(text) for text in self.texts(predictions, view)]
            figures[f"accuracy{blind}"] = _share_of_equal(said, truth)
        figures["accuracy_majority"] = truth.count(self.commonest) / len(truth)
        said = [comparable(text) for text in self.texts(predictions)]
        types = predictions["type"][predictions["present"]].tolist()
        for number, name in enumerate(self.types):
            own = [place for place, of_it in enumerate(types) if of_it == number]
            if own:
                right = [truth[place] for place in own]
                figures[f"accuracy_of_{name}"] = _share_of_equal([said[p] for p in own], right)
                ((_, most),) = Counter(right).most_common(1)
                figures[f"accuracy_majority_of_{name}"] = most / len(own)
        tokens = self.token_figures(predictions)
        return figures | {name: of for name, of in tokens.items() if name.startswith("perplexity")}

    def written(self, predictions: Mapping[str, Tensor]) -> list[Written]:
        """Every answer beside the right one and the question; the score is 1 or 0."""
        rows = predictions["present"].nonzero()[:, 0].tolist()
        texts, truths = self.texts(predictions), self._truths(predictions)
        questions = [self.text_of(ids) for ids in predictions["question"][predictions["present"]]]
        return [
            Written(row, text, (right,), float(comparable(text) == comparable(right)), question)
            for row, text, right, question in zip(rows, texts, truths, questions, strict=True)
        ]

    def _truths(self, predictions: Mapping[str, Tensor]) -> list[str]:
        return [self.text_of(ids) for ids in predictions["right words"][predictions["present"]]]


def _share_of_equal(said: Sequence[str], truth: Sequence[str]) -> float:
    return fmean(one == right for one, right in zip(said, truth, strict=True))
