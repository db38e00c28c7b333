"""The splits: held-out pairs, distinct descriptions, objects that keep their distance."""

import pytest

from sensorium.world.captions import CHINESE, ENGLISH, all_captions
from sensorium.world.placement import CLEAR_GAP, MARGIN
from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import COLOURS, HELD_OUT_PAIRS, SEEN_PAIRS, SHAPES

PLAN = plan_scenes(seed=3, train=1500, validation=200, test=400)
SCENES = [scene for scenes in PLAN.values() for scene in scenes]


def pairs_of(scenes: list[Scene]) -> set:
    return {(thing.colour, thing.shape) for scene in scenes for thing in scene.objects}


def gap(first: Object, second: Object, axis: int) -> float:
    """The distance from the end of `first` to the start of `second`; below 0, they overlap."""
    return second.box[axis] - (first.box[axis] + first.box[2 + axis])


def test_every_shape_and_colour_is_seen_although_one_pair_in_eight_is_held_out() -> None:
    assert len(HELD_OUT_PAIRS) * 8 == len(COLOURS) * len(SHAPES)
    assert {colour for colour, _ in SEEN_PAIRS} == set(COLOURS)
    assert {shape for _, shape in SEEN_PAIRS} == set(SHAPES)


def test_held_out_pairs_occur_in_test_only() -> None:
    assert pairs_of(PLAN["train"]) == set(SEEN_PAIRS)
    assert pairs_of(PLAN["validation"]) <= set(SEEN_PAIRS)
    assert set(HELD_OUT_PAIRS) <= pairs_of(PLAN["test"])
    assert sum(scene.unseen for scene in PLAN["test"]) == 200


def test_no_description_is_shared_between_splits() -> None:
    told = {split: {scene.description for scene in scenes} for split, scenes in PLAN.items()}
    assert told["train"].isdisjoint(told["validation"] | told["test"])
    assert told["validation"].isdisjoint(told["test"])


@pytest.mark.parametrize("split", ["validation", "test"])
def test_captions_fit_their_own_scene_only(split: str) -> None:
    scenes = PLAN[split]
    for language in (ENGLISH, CHINESE):
        captions = [caption for scene in scenes for caption in all_captions(scene, language)]
        assert len(set(captions)) == len(captions)
    for scene in scenes:
        fitting = [other for other in scenes if scene.description in other.true_descriptions]
        assert fitting == [scene]


def test_lines_are_clear_along_and_overlap_across() -> None:
    for scene in SCENES:
        if len(scene.objects) == 1:
            continue
        along = {Arrangement.ROW: 0, Arrangement.COLUMN: 1}[scene.arrangement]
        for index, first in enumerate(scene.objects):
            for second in scene.objects[index + 1 :]:
                assert gap(first, second, along) > CLEAR_GAP - 1e-9
                assert gap(first, second, 1 - along) < 0
                assert gap(second, first, 1 - along) < 0


def test_lone_objects_are_where_the_scene_says() -> None:
    for scene in SCENES:
        if len(scene.objects) > 1:
            continue
        x, y = scene.objects[0].centre
        if scene.arrangement is Arrangement.MIDDLE:
            assert max(abs(x - 0.5), abs(y - 0.5)) < 0.1
        else:
            vertical, horizontal = scene.arrangement.value.split()
            assert x < 0.35 if horizontal == "left" else x > 0.65
            assert y < 0.35 if vertical == "top" else y > 0.65


def test_objects_are_inside_the_picture_and_differ() -> None:
    for scene in SCENES:
        assert len(pairs_of([scene])) == len(scene.objects)
        for thing in scene.objects:
            left, top, width, height = thing.box
            assert min(left, top) > MARGIN - 1e-9
            assert max(left + width, top + height) < 1 - MARGIN + 1e-9
            assert max(width, height) == pytest.approx(thing.size.extent)


def test_part_of_a_line_is_a_true_description_too() -> None:
    scene = next(scene for scene in SCENES if len(scene.objects) == 3)
    first, _, last = (thing.words for thing in scene.objects)
    assert (scene.arrangement, (first, last)) in scene.true_descriptions
    assert len(scene.true_descriptions) == 4
