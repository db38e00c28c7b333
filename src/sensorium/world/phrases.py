"""Phrases that mean one object of a scene and no other, each with its box.

An object is named by its colour and shape, by one of these or its size where no other has it, or by
where it stands to another that is named so.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.vocabulary import HELD_OUT_PAIRS

Words = tuple[str, str]
"""In English and in Chinese."""

_THING: Words = ("thing", "物体")
_BEFORE: dict[Arrangement, Words] = {
    Arrangement.ROW: ("to the left of", "左边"),
    Arrangement.COLUMN: ("above", "上方"),
}
_AFTER: dict[Arrangement, Words] = {
    Arrangement.ROW: ("to the right of", "右边"),
    Arrangement.COLUMN: ("below", "下方"),
}


@dataclass(frozen=True)
class Phrase:
    """A phrase with what it means.

    Attributes:
        type: name, shape, colour, size or relation.
        phrase: in English and in Chinese.
        thing: the object.
    """

    type: str
    phrase: Words
    thing: Object


def all_phrases(scene: Scene) -> Iterator[Phrase]:
    """Everything that can be said of one object alone."""
    for thing in scene.objects:
        yield Phrase("name", _the(*_named(thing)), thing)
        for type, mark, noun in _marks(thing):
            if _with(scene, mark) == 1:
                yield Phrase(type, _the(*noun), thing)
        if _with(scene, thing.shape.name) > 1 == _with(scene, thing.size.name, thing.shape.name):
            size, shape = thing.size, thing.shape
            words = _the(f"{size.name} {shape.name}", f"{size.chinese}{shape.chinese}")
            yield Phrase("size", words, thing)
    yield from _relations(scene)


def choose_phrases(scene: Scene, rng: Random) -> list[Phrase]:
    """One phrase of each type that the scene allows, each of any of its objects."""
    by_type: dict[str, list[Phrase]] = defaultdict(list)
    for phrase in all_phrases(scene):
        by_type[phrase.type].append(phrase)
    return [rng.choice(phrases) for phrases in by_type.values()]


def _the(english: str, chinese: str) -> Words:
    return f"the {english}", chinese


def _named(thing: Object) -> Words:
    colour, shape = thing.colour, thing.shape
    return f"{colour.name} {shape.name}", f"{colour.chinese}的{shape.chinese}"


def _marks(thing: Object) -> list[tuple[str, str, Words]]:
    """What an object may have for itself: the type of phrase, a key, and the words."""
    size, colour, shape = thing.size, thing.colour, thing.shape
    english, chinese = _THING
    return [
        ("shape", shape.name, (shape.name, shape.chinese)),
        ("colour", colour.name, (f"{colour.name} {english}", f"{colour.chinese}的{chinese}")),
        ("size", size.name, (f"{size.name} {english}", f"{size.chinese}{chinese}")),
    ]


def _with(scene: Scene, *marks: str) -> int:
    """How many objects have all these marks."""
    of_each = ({mark for _, mark, _ in _marks(one)} for one in scene.objects)
    return sum(own >= set(marks) for own in of_each)


def _relations(scene: Scene) -> Iterator[Phrase]:
    """What stands on a side of another, where only one does: `the thing above the red star`."""
    if scene.arrangement not in _BEFORE:
        return
    things = scene.objects
    for number, other in enumerate(things):
        if (other.colour, other.shape) in HELD_OUT_PAIRS:
            continue  # else the other would have to be known, too, and two new pairs met at once
        sides = (
            (things[:number], _BEFORE[scene.arrangement]),
            (things[number + 1 :], _AFTER[scene.arrangement]),
        )
        for there, (side, chinese_side) in sides:
            english, chinese = _named(other)
            if len(there) == 1:
                words = (
                    f"the {_THING[0]} {side} the {english}",
                    f"{chinese}{chinese_side}的{_THING[1]}",
                )
                yield Phrase("relation", words, there[0])
            for thing in there:
                if sum(one.shape is thing.shape for one in there) > 1:
                    continue
                shape = thing.shape
                words = (
                    f"the {shape.name} {side} the {english}",
                    f"{chinese}{chinese_side}的{shape.chinese}",
                )
                yield Phrase("relation", words, thing)
