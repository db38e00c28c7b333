"""The accuracies of questions by their type, each beside what is reached blindly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sensorium.evaluation.names import spoken

OF_TYPE = r"(.+)/accuracy_(majority_)?of_([^/]+)"
"""A figure of one type of questions, `task/accuracy_of_colour`, or what a guess by type reaches."""

Interval = Sequence[float]
"""Its two ends."""


@dataclass(frozen=True)
class Types:
    """Accuracies of a task by type of question, each beside what is reached blindly.

    Attributes:
        name: of the task, for people.
        columns: `accuracy`, then what is withheld, as in `without image`, then `majority`.
        rows: type -> its figures; the first row is of all questions together.
        intervals: type -> where its accuracy lies with 95 % confidence.
    """

    name: str
    columns: list[str]
    rows: dict[str, list[float | None]]
    intervals: dict[str, Interval]


def figures_by_type(
    metrics: Mapping[str, float],
    without: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Interval],
) -> list[Types]:
    """The accuracies by type of one split, of each task that has them.

    Args:
        metrics: named `task/what`.
        without: modalities joined by `+` -> the same, as far as they can be computed.
        intervals: of the metrics.
    """
    matches = [match for name in metrics if (match := re.fullmatch(OF_TYPE, name))]
    tasks = dict.fromkeys(match[1] for match in matches)
    columns = ["accuracy", *(f"without {n.replace('+', ' + ')}" for n in without), "majority"]

    def row(task: str, end: str) -> list[float | None]:
        name, blind = f"{task}/accuracy{end}", f"{task}/accuracy_majority{end}"
        return [metrics.get(name), *(of.get(name) for of in without.values()), metrics.get(blind)]

    return [
        Types(
            name=spoken(task),
            columns=columns,
            rows={"all": row(task, "")}
            | {m[3]: row(task, f"_of_{m[3]}") for m in matches if m[1] == task},
            intervals={
                name.rpartition("_of_")[2] if "_of_" in name else "all": interval
                for name, interval in intervals.items()
                if re.fullmatch(rf"{task}/accuracy(_of_.+)?", name)
            },
        )
        for task in tasks
    ]
