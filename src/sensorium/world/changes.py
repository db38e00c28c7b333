"""Scenes with one thing changed: what their captions say is false of the scene itself.

A changed scene is only told, never drawn, so that its objects need no places. But it could be: its
line has room for them, what is new is of a colour and shape that training shows together, and no
two objects share both. So the words alone do not give away which of two captions is the wrong one.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random

from sensorium.world.placement import room_left
from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.vocabulary import SEEN_PAIRS, SIZES, Pair

_LINES = (Arrangement.ROW, Arrangement.COLUMN)


@dataclass(frozen=True)
class Change:
    """A scene that differs in one thing.

    Attributes:
        type: colour, shape, size, count, relation or place.
        scene: as it would be.
    """

    type: str
    scene: Scene


def choose_changes(scene: Scene, rng: Random) -> list[Change]:
    """One change of each type that the scene allows."""
    by_type: dict[str, list[Change]] = defaultdict(list)
    for change in all_changes(scene):
        by_type[change.type].append(change)
    return [rng.choice(changes) for changes in by_type.values()]


def all_changes(scene: Scene) -> Iterator[Change]:
    """Every scene that one change makes of it."""
    alone = len(scene.objects) == 1
    for change in (*_of_one(scene), *_added(scene), *_swapped(scene), *_moved(scene)):
        if alone or room_left([thing.size for thing in change.scene.objects]) >= 0:
            yield change


def _of_one(scene: Scene) -> Iterator[Change]:
    """An object of another colour, shape or size."""
    free = _free_pairs(scene)
    for number, thing in enumerate(scene.objects):
        for colour, shape in free:
            if shape is thing.shape:
                yield Change("colour", _with(scene, number, replace(thing, colour=colour)))
            if colour is thing.colour:
                yield Change("shape", _with(scene, number, replace(thing, shape=shape)))
        for size in SIZES:
            if size is not thing.size:
                yield Change("size", _with(scene, number, replace(thing, size=size)))


def _added(scene: Scene) -> Iterator[Change]:
    """A third object beside two. One taken away would leave a caption that is still true."""
    things = scene.objects
    for colour, shape in _free_pairs(scene) if len(things) == 2 else ():
        for size in SIZES:
            added = replace(things[0], colour=colour, shape=shape, size=size)
            for place in range(3):
                in_line = (*things[:place], added, *things[place:])
                yield Change("count", replace(scene, objects=in_line))


def _swapped(scene: Scene) -> Iterator[Change]:
    """Two objects in each other's place."""
    for one, other in combinations(range(len(scene.objects)), 2):
        things = list(scene.objects)
        things[one], things[other] = things[other], things[one]
        yield Change("relation", replace(scene, objects=tuple(things)))


def _moved(scene: Scene) -> Iterator[Change]:
    """The only object in another place."""
    for place in Arrangement if len(scene.objects) == 1 else ():
        if place not in (scene.arrangement, *_LINES):
            yield Change("place", replace(scene, arrangement=place))


def _free_pairs(scene: Scene) -> list[Pair]:
    """Those that training shows and the scene does not."""
    taken = {(thing.colour, thing.shape) for thing in scene.objects}
    return [pair for pair in SEEN_PAIRS if pair not in taken]


def _with(scene: Scene, number: int, thing: Object) -> Scene:
    """The scene with another object in the place of one."""
    things = (*scene.objects[:number], thing, *scene.objects[number + 1 :])
    return replace(scene, objects=things)
