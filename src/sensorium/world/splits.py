"""Plans which scenes are in which split, so that a score means generalisation.

- train: seen colour-shape pairs only, and no description of the other splits.
- validation: seen pairs only too, so that tuning never meets the held-out ones.
- test: every second scene has a held-out pair.

In validation and in test a caption fits its own scene and no other.
"""

from collections.abc import Callable, Iterator
from random import Random

from sensorium.world.placement import place_scene
from sensorium.world.scene import Description, Scene
from sensorium.world.vocabulary import HELD_OUT_PAIRS, SEEN_PAIRS

_OBJECT_COUNTS = (1, 2, 3)
_OBJECT_COUNT_WEIGHTS = (1, 2, 2)


def plan_scenes(seed: int, *, train: int, validation: int, test: int) -> dict[str, list[Scene]]:
    """Draw the scenes of every split.

    Each scene has its own random stream, named by seed, split and index. The scored splits are
    drawn first, and training avoids what they describe.

    Args:
        seed: the name of the world.
        train: number of scenes, as for the other splits.
        validation: at most some thousands, as for `test`: they must all differ.
        test: see `validation`.

    Returns:
        The scenes by split: "train", "validation", "test".
    """
    test_scenes = _distinct_scenes(seed, "test", test, avoid=set())
    scored = {scene.description for scene in test_scenes}
    validation_scenes = _distinct_scenes(seed, "validation", validation, avoid=scored)
    scored |= {scene.description for scene in validation_scenes}
    train_scenes = [
        _first_scene(seed, "train", index, lambda scene: scene.description not in scored)
        for index in range(train)
    ]
    return {"train": train_scenes, "validation": validation_scenes, "test": test_scenes}


def _distinct_scenes(seed: int, split: str, count: int, avoid: set[Description]) -> list[Scene]:
    """Scenes of which none can be told by the caption of another, nor by one to avoid."""
    scenes: list[Scene] = []
    told: set[Description] = set()
    true_somewhere = set(avoid)

    def is_distinct(scene: Scene) -> bool:
        return scene.description not in true_somewhere and told.isdisjoint(scene.true_descriptions)

    for index in range(count):
        scene = _first_scene(seed, split, index, is_distinct)
        scenes.append(scene)
        told.add(scene.description)
        true_somewhere |= scene.true_descriptions
    return scenes


def _first_scene(seed: int, split: str, index: int, accept: Callable[[Scene], bool]) -> Scene:
    rng = Random(f"{seed}/{split}/{index}")
    has_held_out_pair = split == "test" and index % 2 == 1
    return next(scene for scene in _candidates(rng, has_held_out_pair) if accept(scene))


def _candidates(rng: Random, has_held_out_pair: bool) -> Iterator[Scene]:
    """Endless scenes; at most one object of each is of a held-out pair."""
    while True:
        (count,) = rng.choices(_OBJECT_COUNTS, _OBJECT_COUNT_WEIGHTS)
        pairs = rng.sample(SEEN_PAIRS, count)
        if has_held_out_pair:
            pairs[rng.randrange(count)] = rng.choice(HELD_OUT_PAIRS)
        yield place_scene(pairs, rng)
