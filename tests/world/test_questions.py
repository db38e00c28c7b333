"""Answers are found again by plain reading, are balanced, and training names no unseen pair."""

import re
from collections import Counter, defaultdict
from random import Random

import pytest

from sensorium.world.acts import act_out
from sensorium.world.build import MODALITIES
from sensorium.world.examiner import Examiner
from sensorium.world.questions import all_questions
from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import COLOURS, HELD_OUT_PAIRS, SHAPES

PLAN = plan_scenes(seed=7, train=600, validation=50, test=100)
SCENES = {
    split: [act_out(scene, Random(index)) for index, scene in enumerate(scenes)]
    for split, scenes in PLAN.items()
}
TYPES = {"existence", "count", "colour", "shape", "relation", "motion", "sound", "order"}
COLOUR_NAMES = [colour.name for colour in COLOURS]
SHAPE_NAMES = [shape.name for shape in SHAPES]


def matching(scene: Scene, words: str) -> list[Object]:
    """The objects that every colour and shape among the words fits."""
    found = list(scene.objects)
    for word in re.findall(r"\w+", words):
        singular = {"crosses": "cross"}.get(
            word, word.removesuffix("s") if word != "cross" else word
        )
        if word in COLOUR_NAMES:
            found = [thing for thing in found if thing.colour.name == word]
        elif singular in SHAPE_NAMES:
            found = [thing for thing in found if thing.shape.name == singular]
    return found


def attribute(noun: str, thing: Object) -> str:
    return thing.colour.name if noun == "colour" else thing.shape.name


def answer(scene: Scene, asked: str) -> str:
    """The answer by plain reading; fails where the question has none, or more than one."""
    if asked.startswith("Is there"):
        return "yes" if matching(scene, asked) else "no"
    if asked.startswith("How many"):
        return str(len(matching(scene, asked)))
    if found := re.fullmatch(r"On which side of the (.+) is the (.+)\?", asked):
        (other,), (one,) = matching(scene, found[1]), matching(scene, found[2])
        names = ("left", "right") if scene.arrangement is Arrangement.ROW else ("above", "below")
        axis = 0 if scene.arrangement is Arrangement.ROW else 1
        return names[one.centre[axis] > other.centre[axis]]
    if found := re.fullmatch(
        r"What (colour|shape) is the thing that (\w+)( first| last)?\?", asked
    ):
        acting = [
            thing
            for thing in sorted(scene.objects, key=lambda thing: thing.act.slot)
            if (thing.act.moves if found[2] == "moves" else thing.act.sounds)
        ]
        assert found[3] or len(acting) == 1
        thing = acting[-1] if found[3] == " last" else acting[0]
        kinds = [attribute(found[1], other) for other in acting]
        assert kinds.count(attribute(found[1], thing)) == 1
        return attribute(found[1], thing)
    (thing,) = matching(scene, asked)
    if asked.startswith("What colour"):
        return thing.colour.name
    if asked.startswith("What shape"):
        return thing.shape.name
    if asked.startswith("What does"):
        return thing.act.motion.verb
    assert asked.startswith("Does")
    return "yes" if thing.act.sounds else "no"


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_possible_question_has_its_one_right_answer(split: str) -> None:
    types = set()
    for scene in SCENES[split]:
        for question in all_questions(scene, MODALITIES, name_unseen=split == "test"):
            assert question.answer[0] == answer(scene, question.question[0])
            types.add(question.type)
    assert types == TYPES


def test_relations_hold_from_begin_to_end() -> None:
    for scene in SCENES["train"]:
        for question in all_questions(scene, MODALITIES, name_unseen=False):
            if question.type != "relation":
                continue
            other, one = re.findall(r"the (\w+ \w+)", question.question[0])[-2:]
            axis = 1 if scene.arrangement is Arrangement.ROW else 0
            for time in (0.0, 0.6, 1.2, 1.8, 2.25):
                (a,), (b,) = matching(scene.at(time), one), matching(scene.at(time), other)
                low, high = sorted((a.box, b.box), key=lambda box: box[axis])
                assert low[axis] + low[2 + axis] > high[axis]


def test_training_asks_about_no_unseen_pair() -> None:
    unseen = {f"{colour.name} {shape.name}" for colour, shape in HELD_OUT_PAIRS}
    for split in ("train", "validation"):
        for scene in SCENES[split]:
            for question in all_questions(scene, MODALITIES, name_unseen=False):
                assert not any(pair in question.question[0] for pair in unseen)
    asked = [
        question.question[0]
        for scene in SCENES["test"]
        for question in all_questions(scene, MODALITIES, name_unseen=True)
    ]
    assert all(any(pair in question for question in asked) for pair in unseen)


def test_a_question_does_not_give_its_answer_away() -> None:
    examiner = Examiner(MODALITIES, name_unseen=False)
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for index, scene in enumerate(SCENES["train"]):
        asked = examiner.ask(scene, Random(index))
        assert len({question.type for question in asked}) == len(asked)
        for question in asked:
            answers[question.form][question.answer[0]] += 1
    for form, counts in answers.items():
        if sum(counts.values()) >= 100:
            assert max(counts.values()) < 2 * sum(counts.values()) / len(counts), (form, counts)


def test_only_what_can_be_seen_or_heard_is_asked() -> None:
    scene = next(scene for scene in SCENES["train"] if len(scene.objects) == 3)
    still = {"existence", "count", "colour", "shape", "relation"}
    for modalities, types in (
        (("image", "text"), still),
        (("audio", "text"), {"sound", "order"}),
        (("text",), set()),
    ):
        asked = {q.type for q in all_questions(scene, modalities, name_unseen=False)}
        assert asked <= types
        assert bool(asked) == bool(types)
