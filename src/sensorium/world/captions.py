"""Says a scene in words: every object with its size, colour and shape, and how they stand.

A caption is a complete description: two scenes share one only if their `description` is equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sensorium.world.scene import Arrangement, Object, Scene


@dataclass(frozen=True)
class Language:
    """The wordings of a language: templates over {0}, {1}, {2}, the objects in their order.

    `alone` also has {place}, which comes from `places`; `lines` is keyed by the line in which
    the objects stand and by their number.
    """

    noun_phrase: Callable[[Object], str]
    places: Mapping[Arrangement, str]
    alone: tuple[str, ...]
    lines: Mapping[tuple[Arrangement, int], tuple[str, ...]]


def all_captions(scene: Scene, language: Language) -> list[str]:
    """Every wording of the scene, all different and all true."""
    phrases = [language.noun_phrase(thing) for thing in scene.objects]
    if len(phrases) == 1:
        place = language.places[scene.arrangement]
        return [template.format(*phrases, place=place) for template in language.alone]
    templates = language.lines[scene.arrangement, len(phrases)]
    return [template.format(*phrases) for template in templates]


def _english_noun_phrase(thing: Object) -> str:
    return f"a {thing.size.name} {thing.colour.name} {thing.shape.name}"


def _chinese_noun_phrase(thing: Object) -> str:
    shape = thing.shape
    return f"一{shape.measure}{thing.colour.chinese}的{thing.size.chinese}{shape.chinese}"


ENGLISH = Language(
    noun_phrase=_english_noun_phrase,
    places={
        Arrangement.TOP_LEFT: "in the top left corner",
        Arrangement.TOP_RIGHT: "in the top right corner",
        Arrangement.BOTTOM_LEFT: "in the bottom left corner",
        Arrangement.BOTTOM_RIGHT: "in the bottom right corner",
        Arrangement.MIDDLE: "in the middle",
    },
    alone=(
        "only {0}, {place}",
        "{0} alone {place}",
        "{0} {place} and nothing else",
    ),
    lines={
        (Arrangement.ROW, 2): (
            "{0} to the left of {1}",
            "{1} to the right of {0}",
            "{0} and {1}, from left to right",
        ),
        (Arrangement.COLUMN, 2): (
            "{0} above {1}",
            "{1} below {0}",
            "{0} and {1}, from top to bottom",
        ),
        (Arrangement.ROW, 3): (
            "{0}, {1} and {2}, from left to right",
            "from left to right: {0}, {1} and {2}",
            "{1} between {0} on the left and {2} on the right",
        ),
        (Arrangement.COLUMN, 3): (
            "{0}, {1} and {2}, from top to bottom",
            "from top to bottom: {0}, {1} and {2}",
            "{1} between {0} above and {2} below",
        ),
    },
)

CHINESE = Language(
    noun_phrase=_chinese_noun_phrase,
    places={
        Arrangement.TOP_LEFT: "左上角",
        Arrangement.TOP_RIGHT: "右上角",
        Arrangement.BOTTOM_LEFT: "左下角",
        Arrangement.BOTTOM_RIGHT: "右下角",
        Arrangement.MIDDLE: "中间",
    },
    alone=(
        "只有{0}，在{place}",
        "{0}单独在{place}",
        "{place}有{0}，此外什么也没有",
    ),
    lines={
        (Arrangement.ROW, 2): (
            "{0}在{1}的左边",
            "{1}在{0}的右边",
            "从左到右是{0}和{1}",
        ),
        (Arrangement.COLUMN, 2): (
            "{0}在{1}的上方",
            "{1}在{0}的下方",
            "从上到下是{0}和{1}",
        ),
        (Arrangement.ROW, 3): (
            "从左到右依次是{0}、{1}和{2}",
            "{0}、{1}和{2}从左到右排列",
            "{1}在中间，左边是{0}，右边是{2}",
        ),
        (Arrangement.COLUMN, 3): (
            "从上到下依次是{0}、{1}和{2}",
            "{0}、{1}和{2}从上到下排列",
            "{1}在中间，上方是{0}，下方是{2}",
        ),
    },
)
