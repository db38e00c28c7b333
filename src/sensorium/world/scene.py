"""A scene: everything that is known about one sample, from which all its modalities are made.

Coordinates are shares of the picture's side, from (0, 0), its top left corner, to (1, 1).
"""

from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from sensorium.world.outlines import Outline
from sensorium.world.vocabulary import HELD_OUT_PAIRS, Colour, Shape, Size


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
class Object:
    """One coloured shape at its place; `centre` is the middle of its bounding box."""

    shape: Shape
    colour: Colour
    size: Size
    centre: tuple[float, float]

    @property
    def outline(self) -> Outline:
        """The polygon, in the picture's coordinates."""
        (centre_x, centre_y), extent = self.centre, self.size.extent
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
