"""What tasks share that answer questions: what they need, and their figures by type of question.

Shapes: K questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.tasks.tally import Tally, mean_of
from sensorium.tasks.task import TaskConfig


class QuestionConfig(TaskConfig):
    """The answer to the text of a sample, by `data.fields.answer`."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if "text" not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"needs the modality text, for the question, but model.encoders has only {has}"


AGREED = 3
"""People whose answer is right beyond doubt; fewer make it as right as their share of these."""


def soft_scores(alike: Int[Tensor, " K"], given: Int[Tensor, " K"]) -> Float[Tensor, " K"]:
    """min(n / 3, 1) for an answer that n people gave; where fewer than three did, their share.

    Args:
        alike: how many gave the same answer.
        given: how many gave any, at least one.

    Source: Antol et al. 2015, "VQA", section 3.
    """
    return (alike.double() / given.clamp(max=AGREED)).clamp(max=1)


def tallies_by_type(
    rows: Int[Tensor, " K"],
    right: Bool[Tensor, " K"],
    truth: Int[Tensor, " K"],
    types: Int[Tensor, " K"],
    names: Sequence[str],
) -> dict[str, Tally]:
    """Accuracy of each type that some question has; and beside it `accuracy_majority_of_...`, of
    the commonest known answer to this type in the judged set itself, which is the most that a guess
    by type can reach.

    Args:
        rows: the sample of each question.
        right: which are answered rightly.
        truth: number of the right answer; below 0 one that nobody knows.
        types: number of its type.
        names: of the types.
    """
    tallies = {}
    for number, name in enumerate(names):
        own = types == number
        if own.any():
            known = truth[own & (truth >= 0)]
            guess = truth[own] == known.mode().values if len(known) else right[own] & False
            tallies[f"accuracy_of_{name}"] = mean_of(rows[own], right[own])
            tallies[f"accuracy_majority_of_{name}"] = mean_of(rows[own], guess)
    return tallies
