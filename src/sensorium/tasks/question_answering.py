"""Question answering: which answer of a closed set fits a question about pictures, videos, sounds?

    p(a | question, x) = softmax(W_2 LN(act(W_1 h)) + b)_a
    loss = - sum over questions of log p(a | question, x)

The question is the modality text, what it is about are the others, and h is what the fusion makes
of all. The answers to choose from are those of the rows to train on, the most frequent of them
where `data.answers` says so. A question whose answer is none of these teaches nothing, and counts
as wrong where the model is judged. `answer_generation` answers in words instead.

Shapes: B batch, K <= B questions, A answers, D width of h.

Source: section 3.1.2 of the document (VQA, video QA); Antol et al. 2015, "VQA"; Anderson et al.
2018, "Bottom-Up and Top-Down Attention" (a classifier over answers).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sensorium.batch import ABSENT, Batch, Learned
from sensorium.model import Model
from sensorium.tasks.answers import comparable
from sensorium.tasks.calibration import Calibration, calibrate
from sensorium.tasks.claim import Claim, log_odds, prior_log_odds
from sensorium.tasks.mistakes import Mistake, mistakes_of_names
from sensorium.tasks.questions import QuestionConfig, soft_scores, tallies_by_type
from sensorium.tasks.readout import ReadoutConfig, ReadoutTask, fresh_head
from sensorium.tasks.tally import ROWS, Tally, figures_of, mean_of, rows_of
from sensorium.tasks.task import Encoded, Loss, Told, likeliest, told_of

ANSWERS_TOLD = 5
"""Answers of a question that a person is told, with their probabilities."""


class QuestionAnsweringConfig(QuestionConfig):
    """The answer to the text of a sample, by `data.fields.answer`, out of a closed set."""


class QuestionAnswering(ReadoutTask):
    """Two layers on the fused vector, the second over the answers.

    Args:
        learned: of the target `answer`, and of `question_type` where questions have one.

    Attributes:
        answers: in the order of their indices.
        types: of the questions, in the order of theirs.
    """

    needs_fusion: ClassVar[bool] = True
    targets: ClassVar[tuple[str, ...]] = ("answer",)

    def __init__(
        self, config: QuestionAnsweringConfig, model: Model, learned: Mapping[str, Learned]
    ) -> None:
        super().__init__(ReadoutConfig(), model)
        self.answers = list(learned["answer"].names)
        self.types = list(learned["question_type"].names) if "question_type" in learned else []
        self.rows: Tensor
        self.register_buffer("rows", torch.tensor(learned["answer"].rows), persistent=False)
        first: dict[str, int] = {}
        same = [first.setdefault(comparable(answer), n) for n, answer in enumerate(self.answers)]
        self.same: Tensor
        self.register_buffer("same", torch.tensor(same), persistent=False)
        self.transform = nn.Sequential(
            nn.Linear(self.width, self.width), nn.GELU(), nn.LayerNorm(self.width)
        )
        self.head = fresh_head(self.width, len(self.answers))

    def count(self, batch: Batch) -> int:
        return len(self._learnable(batch))

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = self._learnable(batch)
        logits = self._answer(model, encoded, rows)
        truth = batch.targets["answer"].index_select(0, rows)
        loss = F.cross_entropy(logits, truth, reduction="sum")
        return Loss(loss, (logits.argmax(dim=1) == truth).sum())

    def can_predict(self, batch: Batch) -> bool:
        """Questions can be asked whose answers are unknown."""
        return bool(self._asked(batch).any())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The answer that is given to every question, how sure the model is of it, the right one,
        and the question's type."""
        rows = self._asked(batch).nonzero()[:, 0]
        truth = batch.targets["answer"].index_select(0, rows)
        types = batch.targets.get("question_type")
        best = self._answer(model, encoded, rows).softmax(dim=1).max(dim=1)
        return {
            ROWS: rows,
            "said": best.indices,
            **self._agreement(batch, rows, best.indices),
            "confidence": best.values,
            "truth": truth,
            "type": torch.full_like(truth, ABSENT)
            if types is None
            else types.index_select(0, rows),
        }

    def figures(
        self, predictions: Mapping[str, Tensor], tallies: Mapping[str, Tally]
    ) -> dict[str, Any]:
        error = self.calibration(predictions).error
        return figures_of(tallies) | {"calibration_error": error}

    def calibration(self, predictions: Mapping[str, Tensor]) -> Calibration:
        return calibrate(predictions["confidence"], predictions["said"] == predictions["truth"])

    def mistakes(self, predictions: Mapping[str, Tensor], most: int) -> list[Mistake]:
        said, truth, sure = (predictions[name] for name in ("said", "truth", "confidence"))
        rows = rows_of(predictions, len(said))
        return mistakes_of_names(rows, said, truth, sure, self.answers, most)

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Accuracy, over all questions and of each type.

        Beside it `accuracy_majority`, of the commonest answer of the rows to train on.
        Where several people answered, `soft_accuracy` counts an answer by how many gave it.
        `unknown_answers` is the share of the questions whose answer no row to train on has, where
        there are any.
        """
        said, truth, types = (predictions[name] for name in ("said", "truth", "type"))
        rows = rows_of(predictions, len(said))
        tallies = {"accuracy": mean_of(rows, said == truth)}
        given = predictions.get("given", torch.ones_like(said))
        if (given > 1).any():
            tallies["soft_accuracy"] = mean_of(rows, soft_scores(predictions["alike"], given))
        tallies["accuracy_majority"] = mean_of(rows, truth == self.rows.argmax().cpu())
        if (truth < 0).any():
            tallies["unknown_answers"] = mean_of(rows, truth < 0)
        return tallies | tallies_by_type(rows, said == truth, truth, types, self.types)

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The likeliest answer to every text, and the probabilities of the likeliest few."""
        if "text" not in batch.inputs:
            return [None] * len(batch)
        rows = batch.inputs["text"].present.nonzero()[:, 0]
        told = []
        for probabilities in self._answer(model, encoded, rows).softmax(dim=1):
            named = likeliest(self.answers, probabilities, ANSWERS_TOLD)
            answer = next(iter(named))
            told.append({"answer": answer, "probability": named[answer], "probabilities": named})
        return told_of(len(batch), rows, told)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The likeliest answer to every text."""
        question = batch.inputs.get("text")
        if question is None or len(self.answers) < 2:
            return []
        rows = torch.arange(len(batch), device=question.present.device)
        chosen = self._answer(model, encoded, rows).argmax(dim=1)

        def judge(vectors: Tensor, samples: Tensor) -> Tensor:
            return log_odds(self.head(self.transform(vectors)).float(), chosen[samples])

        asked = batch.keep(dict.fromkeys(batch.inputs, question.present))
        said = [self.answers[number] for number in chosen[question.present].tolist()]
        prior = prior_log_odds(self.rows)[chosen]
        return self.claim(model, asked, said, "log-odds", judge, prior)

    def _answer(
        self, model: Model, encoded: Encoded, rows: Int[Tensor, " K"]
    ) -> Float[Tensor, "K A"]:
        """Logits of every answer."""
        return self.head(self.transform(self.read(model, encoded, rows))).float()

    def _agreement(
        self, batch: Batch, rows: Int[Tensor, " K"], said: Int[Tensor, " K"]
    ) -> dict[str, Tensor]:
        """How many people gave any answer to a question, and how many what is said, however they
        wrote it."""
        if "answers" not in batch.targets:
            return {}
        answers = batch.targets["answers"].index_select(0, rows)
        known = torch.where(answers >= 0, self.same[answers.clamp(min=0)], answers)
        alike = (known == self.same[said][:, None]).sum(dim=1)
        return {"given": (answers != ABSENT).sum(dim=1), "alike": alike}

    def _asked(self, batch: Batch) -> Bool[Tensor, " B"]:
        """The samples that have an answer, whether it is known or not, and anything to see."""
        answer = batch.targets.get("answer")
        readable = self.readable(batch)
        return torch.zeros_like(readable) if answer is None else (answer != ABSENT) & readable

    def _learnable(self, batch: Batch) -> Int[Tensor, " K"]:
        """The samples whose answer is known."""
        asked = self._asked(batch)
        return (asked & (batch.targets["answer"] >= 0) if asked.any() else asked).nonzero()[:, 0]
