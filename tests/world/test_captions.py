"""Captions are read back, word by word, and compared with where the objects are."""

import re

import pytest

from sensorium.world.captions import CHINESE, ENGLISH, Language, all_captions
from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import COLOURS, SHAPES, SIZES

SCENES = plan_scenes(seed=5, train=400, validation=100, test=100)["train"]

NOUN_PHRASES = {
    "english": "|".join(
        f"a {size.name} {colour.name} {shape.name}"
        for size in SIZES
        for colour in COLOURS
        for shape in SHAPES
    ),
    "chinese": "|".join(
        f"一{shape.measure}{colour.chinese}的{size.chinese}{shape.chinese}"
        for size in SIZES
        for colour in COLOURS
        for shape in SHAPES
    ),
}

# What each form of words claims: the axis (0: x, 1: y), and the objects in its growing order.
CLAIMS = {
    "A to the left of B": (0, "AB"),
    "A to the right of B": (0, "BA"),
    "A and B, from left to right": (0, "AB"),
    "A above B": (1, "AB"),
    "A below B": (1, "BA"),
    "A and B, from top to bottom": (1, "AB"),
    "A, B and C, from left to right": (0, "ABC"),
    "from left to right: A, B and C": (0, "ABC"),
    "A between B on the left and C on the right": (0, "BAC"),
    "A, B and C, from top to bottom": (1, "ABC"),
    "from top to bottom: A, B and C": (1, "ABC"),
    "A between B above and C below": (1, "BAC"),
    "A在B的左边": (0, "AB"),
    "A在B的右边": (0, "BA"),
    "从左到右是A和B": (0, "AB"),
    "A在B的上方": (1, "AB"),
    "A在B的下方": (1, "BA"),
    "从上到下是A和B": (1, "AB"),
    "从左到右依次是A、B和C": (0, "ABC"),
    "A、B和C从左到右排列": (0, "ABC"),
    "A在中间，左边是B，右边是C": (0, "BAC"),
    "从上到下依次是A、B和C": (1, "ABC"),
    "A、B和C从上到下排列": (1, "ABC"),
    "A在中间，上方是B，下方是C": (1, "BAC"),
}


def read_back(caption: str, language: str) -> tuple[str, list[str]]:
    """Split a caption into its form, with letters for the objects, and their noun phrases."""
    phrases = re.findall(NOUN_PHRASES[language], caption)
    letters = iter("ABC")
    return re.sub(NOUN_PHRASES[language], lambda _: next(letters), caption), phrases


@pytest.mark.parametrize(("name", "language"), [("english", ENGLISH), ("chinese", CHINESE)])
def test_relations_are_true(name: str, language: Language) -> None:
    met = set()
    for scene in SCENES:
        if len(scene.objects) == 1:
            continue
        by_phrase: dict[str, Object] = {
            language.noun_phrase(thing): thing for thing in scene.objects
        }
        for caption in all_captions(scene, language):
            form, phrases = read_back(caption, name)
            assert set(phrases) == set(by_phrase)
            axis, order = CLAIMS[form]
            named = dict(zip("ABC", phrases, strict=False))
            ordered = [by_phrase[named[letter]] for letter in order]
            assert ordered == sorted(scene.objects, key=lambda thing: thing.centre[axis])
            met.add(form)
    assert met == {form for form in CLAIMS if form.isascii() == (name == "english")}


@pytest.mark.parametrize(
    ("arrangement", "english", "chinese"),
    [
        (Arrangement.TOP_LEFT, "top left corner", "左上角"),
        (Arrangement.TOP_RIGHT, "top right corner", "右上角"),
        (Arrangement.BOTTOM_LEFT, "bottom left corner", "左下角"),
        (Arrangement.BOTTOM_RIGHT, "bottom right corner", "右下角"),
        (Arrangement.MIDDLE, "middle", "中间"),
    ],
)
def test_lone_objects_have_their_place_named(
    arrangement: Arrangement, english: str, chinese: str
) -> None:
    scene = next(scene for scene in SCENES if scene.arrangement is arrangement)
    for caption in all_captions(scene, ENGLISH):
        assert f"in the {english}" in caption
        assert re.search("only|alone|nothing else", caption)
    for caption in all_captions(scene, CHINESE):
        assert chinese in caption
        assert re.search("只有|单独|此外什么也没有", caption)


def test_words_of_an_object() -> None:
    star = Object(SHAPES[3], COLOURS[1], SIZES[1], centre=(0.5, 0.5))
    scene = Scene(Arrangement.MIDDLE, (star,), background=(240, 240, 240))
    assert all_captions(scene, ENGLISH)[0] == "only a large orange star, in the middle"
    assert all_captions(scene, CHINESE)[0] == "只有一颗橙色的大星星，在中间"
