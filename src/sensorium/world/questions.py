"""Questions about a scene, each with one short answer that is plainly true.

An answer names one thing only, a colour or a shape, never both: so every answer about a scene with
an unseen pair occurs in training too. An object that is asked about is named by colour and shape,
which no two objects of a scene share.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sensorium.world.scene import SCENE_SECONDS, SLOTS, Arrangement, Object, Scene
from sensorium.world.vocabulary import COLOURS, HELD_OUT_PAIRS, SHAPES, Colour, Pair, Shape

Words = tuple[str, str]
"""In English and in Chinese."""

_YES: Words = ("yes", "是")
_NO: Words = ("no", "否")
_COUNTED_TO = 2
_KINDS = {"colour": "颜色", "shape": "形状"}
_TIMES: dict[str, Words] = {"first": ("first", "最先"), "last": ("last", "最后")}
_BEFORE: dict[Arrangement, Words] = {
    Arrangement.ROW: ("left", "左边"),
    Arrangement.COLUMN: ("above", "上方"),
}
_AFTER: dict[Arrangement, Words] = {
    Arrangement.ROW: ("right", "右边"),
    Arrangement.COLUMN: ("below", "下方"),
}


@dataclass(frozen=True)
class Question:
    """A question with its answer.

    Attributes:
        type: existence, count, colour, shape, relation, motion, sound or order.
        form: the wording; questions of a form differ only in the object that they ask about.
        question: in English and in Chinese.
        answer: in English and in Chinese.
    """

    type: str
    form: str
    question: Words
    answer: Words

    def as_row(self) -> dict[str, str]:
        """As it stands in a manifest."""
        return {
            "type": self.type,
            "question": self.question[0],
            "answer": self.answer[0],
            "question_zh": self.question[1],
            "answer_zh": self.answer[1],
        }


def all_questions(
    scene: Scene, modalities: Collection[str], *, name_unseen: bool
) -> Iterator[Question]:
    """Everything that can be asked.

    Args:
        scene: about what.
        modalities: what is there of it; nothing is asked that they do not show.
        name_unseen: whether a question may name a pair that training never shows.
    """
    if "image" in modalities or "video" in modalities:
        yield from _existence(scene, name_unseen)
        yield from _count(scene)
        yield from _attributes(scene)
        yield from _relation(scene, moving="video" in modalities)
    if "video" in modalities:
        yield from _motion(scene)
        yield from _order(scene.movers, ("moves", "动"))
    if "audio" in modalities:
        yield from _sound(scene)
        yield from _order(scene.sounders, ("sounds", "发声"))


def _name(colour: Colour, shape: Shape) -> Words:
    return f"{colour.name} {shape.name}", f"{colour.chinese}的{shape.chinese}"


def _named(thing: Object) -> Words:
    return _name(thing.colour, thing.shape)


def _existence(scene: Scene, name_unseen: bool) -> Iterator[Question]:
    """Of what is there, and of what shares colour or shape with it."""
    there: set[Pair] = {(thing.colour, thing.shape) for thing in scene.objects}
    near = {(colour, shape) for colour, _ in there for shape in SHAPES}
    near |= {(colour, shape) for _, shape in there for colour in COLOURS}
    for colour in COLOURS:
        for shape in SHAPES:
            pair = (colour, shape)
            if pair not in near or (pair in HELD_OUT_PAIRS and not name_unseen):
                continue
            english, chinese = _name(*pair)
            answer = _YES if pair in there else _NO
            article = "an" if english[0] in "aeiou" else "a"
            question = (f"Is there {article} {english}?", f"有{chinese}吗？")
            yield Question("existence", "existence", question, answer)


def _count(scene: Scene) -> Iterator[Question]:
    """Of all things, and of those of a colour or a shape, up to 2: three alike are too seldom."""
    things = scene.objects
    question = ("How many things are there?", "一共有几个物体？")
    yield Question("count", "count", question, _number(len(things)))
    for colour in COLOURS:
        number = sum(thing.colour is colour for thing in things)
        question = (f"How many {colour.name} things are there?", f"{colour.chinese}的物体有几个？")
        if number <= _COUNTED_TO:
            yield Question("count", "count of colour", question, _number(number))
    for shape in SHAPES:
        number = sum(thing.shape is shape for thing in things)
        plural = "crosses" if shape.name == "cross" else f"{shape.name}s"
        question = (f"How many {plural} are there?", f"{shape.chinese}有几个？")
        if number <= _COUNTED_TO:
            yield Question("count", "count of shape", question, _number(number))


def _number(number: int) -> Words:
    return str(number), str(number)


def _attributes(scene: Scene) -> Iterator[Question]:
    """The colour of the only thing of a shape, and the shape of the only thing of a colour."""
    for thing in scene.objects:
        colour, shape = thing.colour, thing.shape
        if sum(other.shape is shape for other in scene.objects) == 1:
            question = (f"What colour is the {shape.name}?", f"{shape.chinese}是什么颜色？")
            yield Question("colour", "colour", question, (colour.name, colour.chinese))
        if sum(other.colour is colour for other in scene.objects) == 1:
            question = (
                f"What shape is the {colour.name} thing?",
                f"{colour.chinese}的物体是什么形状？",
            )
            yield Question("shape", "shape", question, (shape.name, shape.chinese))


def _relation(scene: Scene, moving: bool) -> Iterator[Question]:
    """On which side one object is of another, where that is so from begin to end, and no other."""
    if scene.arrangement not in _BEFORE:
        return
    across = 1 if scene.arrangement is Arrangement.ROW else 0
    for index, first in enumerate(scene.objects):
        for second in scene.objects[index + 1 :]:
            if moving and not _always_overlap(first, second, across):
                continue
            for one, other, answers in ((first, second, _BEFORE), (second, first, _AFTER)):
                (one_en, one_zh), (other_en, other_zh) = _named(one), _named(other)
                question = (
                    f"On which side of the {other_en} is the {one_en}?",
                    f"{one_zh}在{other_zh}的哪一边？",
                )
                yield Question("relation", "relation", question, answers[scene.arrangement])


def _always_overlap(first: Object, second: Object, axis: int) -> bool:
    """Whether both keep a part of the axis in common while they move."""
    times = [SCENE_SECONDS * step / (4 * SLOTS) for step in range(4 * SLOTS + 1)]
    for moved, other in ((first.at(time).box, second.at(time).box) for time in times):
        if moved[axis] >= other[axis] + other[axis + 2]:
            return False
        if other[axis] >= moved[axis] + moved[axis + 2]:
            return False
    return True


def _motion(scene: Scene) -> Iterator[Question]:
    for thing in scene.objects:
        english, chinese = _named(thing)
        motion = thing.act.motion
        question = (f"What does the {english} do?", f"{chinese}怎么动？")
        yield Question("motion", "motion", question, (motion.verb, motion.chinese))


def _sound(scene: Scene) -> Iterator[Question]:
    """Whether an object sounds; where only one does, which."""
    for thing in scene.objects:
        english, chinese = _named(thing)
        question = (f"Does the {english} sound?", f"{chinese}发声吗？")
        answer = _YES if thing.act.sounds else _NO
        yield Question("sound", "whether it sounds", question, answer)
    if len(scene.sounders) == 1:
        (thing,) = scene.sounders
        for noun, word in _kinds(thing).items():
            question = (
                f"What {noun} is the thing that sounds?",
                f"发声的物体是什么{_KINDS[noun]}？",
            )
            yield Question("sound", f"{noun} that sounds", question, word)


def _kinds(thing: Object) -> dict[str, Words]:
    """Colour and shape in words."""
    return {
        "colour": (thing.colour.name, thing.colour.chinese),
        "shape": (thing.shape.name, thing.shape.chinese),
    }


def _order(things: list[Object], verb: Words) -> Iterator[Question]:
    """The colour or shape of what did it first or last, where the others have another."""
    if len(things) < 2:
        return
    for time, (when, chinese_when) in _TIMES.items():
        thing = things[0] if time == "first" else things[-1]
        for noun, word in _kinds(thing).items():
            if sum(_kinds(other)[noun] == word for other in things) > 1:
                continue
            question = (
                f"What {noun} is the thing that {verb[0]} {when}?",
                f"{chinese_when}{verb[1]}的物体是什么{_KINDS[noun]}？",
            )
            yield Question("order", f"{noun} that {verb[0]} {when}", question, word)
