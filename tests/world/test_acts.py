"""What objects do: in their own time, inside the picture, away from each other."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium.world.acts import SHORTEST_TRAVEL, act_out
from sensorium.world.placement import MARGIN
from sensorium.world.scene import SCENE_SECONDS, SLOT_SECONDS, SLOTS, Object, Scene
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import MOTIONS

SCENES = plan_scenes(seed=11, train=300, validation=1, test=1)["train"]
TIMES = [SCENE_SECONDS * step / 40 for step in range(41)]

acted_scenes = st.builds(
    lambda scene, seed: act_out(scene, Random(seed)), st.sampled_from(SCENES), st.integers(0, 10**6)
)


def overlap(first: Object, second: Object) -> bool:
    (left, top, width, height), (left2, top2, width2, height2) = first.box, second.box
    apart = left + width <= left2 or left2 + width2 <= left
    return not (apart or top + height <= top2 or top2 + height2 <= top)


@settings(max_examples=200, deadline=None)
@given(acted_scenes)
def test_objects_stay_in_the_picture_and_apart(scene: Scene) -> None:
    for time in TIMES:
        things = scene.at(time).objects
        for index, thing in enumerate(things):
            left, top, width, height = thing.box
            assert min(left, top) > MARGIN - 1e-9
            assert max(left + width, top + height) < 1 - MARGIN + 1e-9
            assert not any(overlap(thing, other) for other in things[index + 1 :])


@settings(max_examples=100, deadline=None)
@given(acted_scenes)
def test_each_acts_in_its_own_slot(scene: Scene) -> None:
    slots = [thing.act.slot for thing in scene.objects]
    assert len(set(slots)) == len(slots)
    assert set(slots) <= set(range(SLOTS))
    assert scene.sounders
    for thing in scene.objects:
        begin, end = thing.act.start, thing.act.start + SLOT_SECONDS
        assert thing.at(0) == thing.at(begin)
        assert thing.at(end) == thing.at(SCENE_SECONDS)
        if thing.sound is not None:
            assert begin <= thing.sound[0] < thing.sound[1] <= end
        if thing.act.motion.direction != (0, 0):
            assert thing.act.travel >= SHORTEST_TRAVEL


def test_the_still_picture_is_the_scene_as_it_was_placed() -> None:
    for scene in SCENES[:50]:
        acted = act_out(scene, Random(0)).at(0)
        assert [thing.outline for thing in acted.objects] == [t.outline for t in scene.objects]
        assert acted.description == scene.description


def test_every_motion_is_common() -> None:
    acted = [act_out(scene, Random(index)) for index, scene in enumerate(SCENES)]
    motions = [thing.act.motion for scene in acted for thing in scene.objects]
    for motion in MOTIONS:
        assert motions.count(motion) > 0.08 * len(motions)
