"""Changed captions: false of the scene in one thing, and otherwise as any caption is."""

from collections import Counter
from pathlib import Path
from random import Random

from tests.world.conftest import read_rows

from sensorium.world.changes import Change, all_changes, choose_changes
from sensorium.world.placement import room_left
from sensorium.world.scene import Object, Scene
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import HELD_OUT_PAIRS

SCENES = plan_scenes(seed=5, train=1, validation=1, test=80)["test"]


def differences(scene: Scene, changed: Scene) -> list[str]:
    """In what two scenes differ: an attribute for each object that is not the same, and so on."""
    if scene.arrangement is not changed.arrangement:
        assert scene.objects == changed.objects
        return ["place"]
    if len(scene.objects) != len(changed.objects):
        left = list(changed.objects)
        for thing in scene.objects:
            left.remove(thing)
        return ["count"] * len(left)
    if sorted(map(id, scene.objects)) == sorted(map(id, changed.objects)):
        return ["relation"]

    def apart(one: Object, other: Object) -> list[str]:
        named = zip(("size", "colour", "shape"), one.words, other.words, strict=True)
        return [attribute for attribute, own, wrong in named if own != wrong]

    both = zip(scene.objects, changed.objects, strict=True)
    return [attribute for one, other in both for attribute in apart(one, other)]


def test_one_thing_is_changed_and_the_caption_false() -> None:
    met = Counter(
        change.type for scene in SCENES for change in all_changes(scene) if check(scene, change)
    )
    assert met.keys() == {"colour", "shape", "size", "count", "relation", "place"}


def check(scene: Scene, change: Change) -> bool:
    assert differences(scene, change.scene) == [change.type]
    assert change.scene.description not in scene.true_descriptions
    return True


def test_no_word_gives_a_changed_caption_away() -> None:
    """A scene of it could be drawn, and no pair in it is new that training never shows."""
    for scene in SCENES:
        for change in all_changes(scene):
            pairs = [(thing.colour, thing.shape) for thing in change.scene.objects]
            assert len(set(pairs)) == len(pairs)
            own = {(thing.colour, thing.shape) for thing in scene.objects}
            assert own.issuperset(pair for pair in pairs if pair in HELD_OUT_PAIRS)
            sizes = [thing.size for thing in change.scene.objects]
            assert len(sizes) == 1 or room_left(sizes) >= 0


def test_each_type_that_is_possible_is_chosen_once() -> None:
    for scene in SCENES:
        chosen = [change.type for change in choose_changes(scene, Random(0))]
        assert sorted(chosen) == sorted({change.type for change in all_changes(scene)})


def test_rows_have_the_changed_captions_in_the_wording_of_their_own(world: Path) -> None:
    for row in read_rows(world, "validation"):
        told = dict(zip(row["text_wrong_type"], row["text_wrong"], strict=True))
        chinese = dict(zip(row["text_wrong_type"], row["text_wrong_zh"], strict=True))
        assert {"colour", "shape"} <= told.keys() == chinese.keys()
        for type in told.keys() & {"colour", "shape", "size"}:
            own, wrong = row["text"].split(), told[type].split()
            assert sum(a != b for a, b in zip(own, wrong, strict=True)) == 1
            assert row["text_zh"] != chinese[type]
