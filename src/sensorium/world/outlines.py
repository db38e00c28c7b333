"""The outlines of the shapes: polygons that fit a unit square around the origin, y downwards.

A circle is a polygon too, so that drawing and boxes need one rule for every shape.
"""

from collections.abc import Iterable
from math import cos, pi, sin

Point = tuple[float, float]
Outline = tuple[Point, ...]

_CURVE_POINTS = 64
_STAR_INNER_RADIUS = 0.45
_CROSS_ARM = 1 / 3


def circle() -> Outline:
    """A disc."""
    return _fit((cos(turn), sin(turn)) for turn in _turns(_CURVE_POINTS))


def square() -> Outline:
    """A square on its side."""
    return _fit([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def triangle() -> Outline:
    """An equilateral triangle that points up."""
    return _fit((sin(turn), -cos(turn)) for turn in _turns(3))


def star() -> Outline:
    """A star of five points, one of them up."""
    radii = (1.0, _STAR_INNER_RADIUS) * 5
    return _fit(
        (radius * sin(turn), -radius * cos(turn))
        for radius, turn in zip(radii, _turns(10), strict=True)
    )


def cross() -> Outline:
    """A plus sign."""
    arm = _CROSS_ARM
    corner = [(-arm, -1.0), (arm, -1.0), (arm, -arm)]
    points: list[Point] = []
    for _ in range(4):
        points += corner
        corner = [(-y, x) for x, y in corner]
    return _fit(points)


def heart() -> Outline:
    """A heart with its point down."""
    return _fit(
        (
            16 * sin(turn) ** 3,
            5 * cos(2 * turn) + 2 * cos(3 * turn) + cos(4 * turn) - 13 * cos(turn),
        )
        for turn in _turns(_CURVE_POINTS)
    )


def _turns(count: int) -> list[float]:
    """Angles in radians that divide a full turn into `count` equal parts."""
    return [2 * pi * step / count for step in range(count)]


def _fit(points: Iterable[Point]) -> Outline:
    """Centre the bounding box on the origin and scale its longer side to 1."""
    xs, ys = zip(*points, strict=True)
    longer = max(max(xs) - min(xs), max(ys) - min(ys))
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return tuple(
        ((x - middle_x) / longer, (y - middle_y) / longer) for x, y in zip(xs, ys, strict=True)
    )
