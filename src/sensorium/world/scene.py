"""A scene: everything that is known about one sample, from which all its modalities are made.

Coordinates are shares of the picture's side, from (0, 0), its top left corner, to (1, 1). A scene
goes on for three slots of time; each object has one of its own, in which it moves and sounds.
"""

from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations

from sensorium.world.outlines import Outline
from sensorium.world.vocabulary import HELD_OUT_PAIRS, STILL, Colour, Motion, Shape, Size

SLOTS = 3
SLOT_SECONDS = 0.75
SCENE_SECONDS = SLOTS * SLOT_SECONDS
MOTION_SECONDS = 0.6
"""From the begin of the slot; then there is a pause."""


class Arrangement(Enum):
    """How the objects stand: where the only one is, or along which line several do."""

    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"
    MIDDLE = "middle"
    ROW = "row"
    COLUMN = "column"


# What a complete caption says, whatever its wording: the arrangement, and in its order each
# object's size, colour and shape.
Description = tuple[Arrangement, tuple[tuple[str, str, str], ...]]


@dataclass(frozen=True)
class Act:
    """What an object does, and when.

    Attributes:
        slot: its turn, from 0 to `SLOTS` - 1.
        motion: how it moves in its slot.
        travel: how far it goes.
        sound_start: when it begins to sound, in seconds from the scene's begin; None: silent.
    """

    slot: int = 0
    motion: Motion = STILL
    travel: float = 0.0
    sound_start: float | None = None

    @property
    def start(self) -> float:
        """Begin of the slot, in seconds."""
        return self.slot * SLOT_SECONDS

    @property
    def moves(self) -> bool:
        return self.motion is not STILL

    @property
    def sounds(self) -> bool:
        return self.sound_start is not None


@dataclass(frozen=True)
class Object:
    """One coloured shape at its place; `centre` is the middle of its bounding box.

    `scale` is what is left of its size, below 1 once it has shrunk.
    """

    shape: Shape
    colour: Colour
    size: Size
    centre: tuple[float, float]
    act: Act = Act()
    scale: float = 1.0

    def at(self, seconds: float) -> "Object":
        """Where and how large it is at a time of the scene."""
        done = min(max((seconds - self.act.start) / MOTION_SECONDS, 0.0), 1.0)
        motion, way = self.act.motion, done * self.act.travel
        (x, y), (right, down) = self.centre, motion.direction
        scale = 1 + done * (motion.end_scale - 1)
        return replace(self, centre=(x + right * way, y + down * way), scale=scale)

    @property
    def sound(self) -> tuple[float, float] | None:
        """When its sound begins and ends, in seconds; None where it is silent."""
        start = self.act.sound_start
        return None if start is None else (start, start + self.size.sound_seconds)

    @property
    def outline(self) -> Outline:
        """The polygon, in the picture's coordinates."""
        (centre_x, centre_y), extent = self.centre, self.size.extent * self.scale
        return tuple((centre_x + extent * x, centre_y + extent * y) for x, y in self.shape.outline)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The tight bounding box: left, top, width, height."""
        xs, ys = zip(*self.outline, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

    @property
    def words(self) -> tuple[str, str, str]:
        """Size, colour and shape, as in a `Description`."""
        return self.size.name, self.colour.name, self.shape.name


@dataclass(frozen=True)
class Scene:
    """Objects on a light ground.

    `objects` go from left to right in a row, from top to bottom in a column, with a clear gap
    between neighbours, and overlap across that line: so no other relation can be said of them.
    No two share both colour and shape. `background` is red, green and blue from 0 to 255.
    """

    arrangement: Arrangement
    objects: tuple[Object, ...]
    background: tuple[int, int, int]

    def at(self, seconds: float) -> "Scene":
        """The scene as it looks at a time."""
        return replace(self, objects=tuple(thing.at(seconds) for thing in self.objects))

    @property
    def movers(self) -> list[Object]:
        """What moves, in its order in time."""
        return [thing for thing in self._in_time if thing.act.moves]

    @property
    def sounders(self) -> list[Object]:
        """What sounds, in its order in time."""
        return [thing for thing in self._in_time if thing.act.sounds]

    @property
    def _in_time(self) -> list[Object]:
        return sorted(self.objects, key=lambda thing: thing.act.slot)

    @property
    def unseen(self) -> bool:
        """Whether an object is of a colour and shape that training never shows together."""
        return any((thing.colour, thing.shape) in HELD_OUT_PAIRS for thing in self.objects)

    @property
    def description(self) -> Description:
        """What the scene's captions say."""
        return self.arrangement, tuple(thing.words for thing in self.objects)

    @property
    def true_descriptions(self) -> set[Description]:
        """Its own description, and those of its parts: what a caption may say and be true here.

        A single object has no parts, and is none: its captions say that it is alone.
        """
        words = [thing.words for thing in self.objects]
        parts = {
            (self.arrangement, part)
            for count in range(2, len(words))
            for part in combinations(words, count)
        }
        return {self.description} | parts
