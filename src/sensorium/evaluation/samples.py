"""Samples of what a task wrote: the best, the worst, and some at random, beside what is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from sensorium.evaluation.examples import Face, Shown, face_of
from sensorium.tasks.written import Written


@dataclass(frozen=True)
class Specimen:
    """What was seen, what was written of it, and what would be right."""

    face: Face
    written: Written


@dataclass(frozen=True)
class Album:
    """Specimens of one task.

    Attributes:
        task: its name.
        texts: how many it wrote.
        kinds: heading -> specimens.
    """

    task: str
    texts: int
    kinds: dict[str, list[Specimen]]


def albums(
    written: dict[str, list[Written]], show: Callable[[int], Shown], specimens: int
) -> list[Album]:
    """Specimens of every task that wrote anything.

    Args:
        written: by task.
        show: number of a sample -> what is shown of it.
        specimens: of each kind, at most, and never more than a third of what was written.
    """
    return [_album(task, of_task, show, specimens) for task, of_task in written.items() if of_task]


def _album(
    task: str, written: Sequence[Written], show: Callable[[int], Shown], specimens: int
) -> Album:
    """The same for the same texts: chance is seeded, and decides between equal scores too."""
    drawn = Random(0).sample(list(written), len(written))
    ranked = sorted(drawn, key=lambda one: -one.score)
    count = max(1, min(specimens, len(written) // 3))
    left = [one for one in drawn if one not in (*ranked[:count], *ranked[-count:])]
    kinds = {"Best": ranked[:count], "Worst": ranked[-count:][::-1], "At random": left[:count]}

    def specimen(one: Written) -> Specimen:
        # The sample's own text may be what is to be written: it is shown as a reference alone.
        shown = replace(show(one.row), text=one.asked or None)
        return Specimen(face_of(shown, "image"), one)

    return Album(
        task.replace("_", " "),
        len(written),
        {kind: [specimen(one) for one in of_kind] for kind, of_kind in kinds.items() if of_kind},
    )
