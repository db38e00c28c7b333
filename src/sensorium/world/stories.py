"""Says a scene in time: what is seen to happen, and what is heard, in its order."""

from collections.abc import Callable
from dataclasses import dataclass

from sensorium.world.captions import CHINESE, ENGLISH, Language
from sensorium.world.scene import Object, Scene


@dataclass(frozen=True)
class Telling:
    """How a language puts events one after the other: pieces of a sentence.

    `heard_alone` and `heard_item` are templates over {0}, an object.
    """

    language: Language
    moves: Callable[[Object], str]
    still: Callable[[list[str]], str]
    first: str
    then: str
    meanwhile: str
    heard_alone: str
    heard_item: str

    def of_motion(self, scene: Scene) -> str:
        """What moves, first to last, and what stays still."""
        phrase = self.language.noun_phrase
        moved = [f"{phrase(thing)}{self.moves(thing)}" for thing in scene.movers]
        stood = [phrase(thing) for thing in scene.objects if not thing.act.moves]
        told = (self.first if len(moved) > 1 else "") + self.then.join(moved)
        if not stood:
            return told
        return (told + self.meanwhile if told else "") + self.still(stood)

    def of_sound(self, scene: Scene) -> str:
        """What sounds, first to last."""
        phrases = [self.language.noun_phrase(thing) for thing in scene.sounders]
        if len(phrases) == 1:
            return self.heard_alone.format(*phrases)
        return self.first + self.then.join(self.heard_item.format(phrase) for phrase in phrases)


def _english_still(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return f"{phrases[0]} stays still"
    return f"{', '.join(phrases[:-1])} and {phrases[-1]} stay still"


def _chinese_still(phrases: list[str]) -> str:
    if len(phrases) == 1:
        return f"{phrases[0]}不动"
    return f"{'、'.join(phrases[:-1])}和{phrases[-1]}都不动"


def _english_moves(thing: Object) -> str:
    return f" {thing.act.motion.verb}"


def _chinese_moves(thing: Object) -> str:
    return thing.act.motion.chinese


ENGLISH_TELLINGS = (
    Telling(
        language=ENGLISH,
        moves=_english_moves,
        still=_english_still,
        first="first ",
        then=", then ",
        meanwhile=", while ",
        heard_alone="only {0} sounds",
        heard_item="{0} sounds",
    ),
    Telling(
        language=ENGLISH,
        moves=_english_moves,
        still=_english_still,
        first="",
        then=" before ",
        meanwhile="; ",
        heard_alone="the sound of {0} alone",
        heard_item="the sound of {0}",
    ),
)

CHINESE_TELLINGS = (
    Telling(
        language=CHINESE,
        moves=_chinese_moves,
        still=_chinese_still,
        first="先是",
        then="，然后",
        meanwhile="，而",
        heard_alone="只有{0}发声",
        heard_item="{0}发声",
    ),
    Telling(
        language=CHINESE,
        moves=_chinese_moves,
        still=_chinese_still,
        first="",
        then="，接着",
        meanwhile="，",
        heard_alone="只听到{0}的声音",
        heard_item="{0}的声音",
    ),
)
