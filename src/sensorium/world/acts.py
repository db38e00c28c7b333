"""Gives the objects of a still scene what they do, so that the words about it are plainly true.

No object leaves the picture, and none comes near another, wherever that one goes.
"""

from dataclasses import replace
from random import Random

from sensorium.world.placement import CLEAR_GAP, MARGIN
from sensorium.world.scene import SLOT_SECONDS, SLOTS, Act, Object, Scene
from sensorium.world.vocabulary import MOTIONS, Motion

SHORTEST_TRAVEL = 0.15
LONGEST_TRAVEL = 0.35
_TRAVEL_STEP = 0.01
_SOUNDING_SHARE = 0.75
_LATEST_SOUND = 0.1  # after the slot's begin, in seconds

Reach = tuple[float, float, float, float]
"""Left, top, right and bottom of all that an object covers in time."""


def act_out(scene: Scene, rng: Random) -> Scene:
    """The scene with a slot of its own, a motion and perhaps a sound for each object.

    At least one object sounds.
    """
    count = len(scene.objects)
    slots = rng.sample(range(SLOTS), count)
    sounding = [rng.random() < _SOUNDING_SHARE for _ in range(count)]
    sounding[rng.randrange(count)] |= not any(sounding)
    objects = list(scene.objects)
    for index in rng.sample(range(count), count):
        others = [_reach(other) for other in objects[:index] + objects[index + 1 :]]
        motion, travel = _choose_motion(objects[index], others, rng)
        late = round(rng.uniform(0, _LATEST_SOUND), 3)
        start = slots[index] * SLOT_SECONDS + late if sounding[index] else None
        act = Act(slots[index], motion, travel, start)
        objects[index] = replace(objects[index], act=act)
    return replace(scene, objects=tuple(objects))


def _choose_motion(thing: Object, others: list[Reach], rng: Random) -> tuple[Motion, float]:
    """The first of the motions, in random order, that there is room for; and how far."""
    for motion in rng.sample(MOTIONS, len(MOTIONS)):
        if motion.direction == (0, 0):
            return motion, 0.0
        furthest = _furthest(thing, motion, others)
        if furthest is not None:
            return motion, round(rng.uniform(SHORTEST_TRAVEL, furthest), 3)
    raise AssertionError("an object can always stay where it is")


def _furthest(thing: Object, motion: Motion, others: list[Reach]) -> float | None:
    """How far it can go; None: not far enough to be seen."""
    furthest, travel = None, SHORTEST_TRAVEL
    while travel <= LONGEST_TRAVEL and _is_free(_reach(thing, motion, travel), others):
        furthest = travel
        travel += _TRAVEL_STEP
    return furthest


def _reach(thing: Object, motion: Motion | None = None, travel: float = 0.0) -> Reach:
    """What the object covers with this motion; without one, with its own."""
    if motion is None:
        motion, travel = thing.act.motion, thing.act.travel
    left, top, width, height = thing.box
    right, down = (travel * step for step in motion.direction)
    return (
        left + min(right, 0),
        top + min(down, 0),
        left + width + max(right, 0),
        top + height + max(down, 0),
    )


def _is_free(reach: Reach, others: list[Reach]) -> bool:
    left, top, right, bottom = reach
    inside = min(left, top) >= MARGIN and max(right, bottom) <= 1 - MARGIN
    return inside and all(
        left >= other[2] + CLEAR_GAP / 2
        or right <= other[0] - CLEAR_GAP / 2
        or top >= other[3] + CLEAR_GAP / 2
        or bottom <= other[1] - CLEAR_GAP / 2
        for other in others
    )
