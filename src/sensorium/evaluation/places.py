"""Pictures with what was found on them beside what is there: the best, worst, some at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from sensorium.data.marked import Mark, MarkedPicture, marked_picture
from sensorium.data.quarantine import BrokenSample
from sensorium.evaluation.examples import Shown
from sensorium.tasks.places import Located, Place

SIDE = 320  # of a picture, in pixels
OF_EACH_KIND = 4


@dataclass(frozen=True)
class Sight:
    """One picture twice."""

    told: MarkedPicture
    true: MarkedPicture
    score: float
    asked: str | None


@dataclass(frozen=True)
class Gallery:
    """Pictures of one task.

    Attributes:
        task: its name.
        pictures: how many it was judged on.
        kinds: heading -> pictures.
    """

    task: str
    pictures: int
    kinds: dict[str, list[Sight]]


def galleries(
    located: Mapping[str, Sequence[Located]], show: Callable[[int], Shown]
) -> list[Gallery]:
    """Pictures of every task that said places.

    Args:
        located: by task.
        show: number of a sample -> what is shown of it.
    """
    return [_gallery(task, of_task, show) for task, of_task in located.items() if of_task]


def _gallery(task: str, located: Sequence[Located], show: Callable[[int], Shown]) -> Gallery:
    """The same for the same pictures: chance is seeded, and decides between equal scores too."""
    drawn = Random(0).sample(list(located), len(located))
    ranked = sorted(drawn, key=lambda one: -one.score)
    count = max(1, min(OF_EACH_KIND, len(located) // 3))
    best, worst = ranked[:count], ranked[-count:][::-1]
    chosen = {id(one) for one in (*best, *worst)}
    left = [one for one in drawn if id(one) not in chosen]
    kinds = {"Best": best, "Worst": worst, "At random": left[:count]}
    seen = {kind: [_sight(one, show(one.row)) for one in of] for kind, of in kinds.items()}
    return Gallery(
        task.replace("_", " "),
        len(located),
        {kind: [one for one in of if one is not None] for kind, of in seen.items() if any(of)},
    )


def _sight(one: Located, shown: Shown) -> Sight | None:
    """None where there is no picture to show."""
    if shown.image is None:
        return None
    try:
        told, true = (
            marked_picture(shown.image, [_mark(place) for place in places], shown.id, SIDE)
            for places in (one.told, one.true)
        )
    except BrokenSample:
        return None  # named in the quarantine
    return Sight(told, true, one.score, shown.text)


def _mark(place: Place) -> Mark:
    return Mark(place.box, place.words, place.kind, place.score, place.right)
