"""Gives coloured shapes their sizes and places, so that the words about them are plainly true."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random

from sensorium.world.scene import Arrangement, Object, Scene
from sensorium.world.vocabulary import SIZES, Pair, Size

MARGIN = 0.02
"""The least distance from the picture's edge."""

CLEAR_GAP = 0.04
"""The least distance between neighbours, along the line in which they stand."""

_PLACES = {
    Arrangement.TOP_LEFT: (0.26, 0.26),
    Arrangement.TOP_RIGHT: (0.74, 0.26),
    Arrangement.BOTTOM_LEFT: (0.26, 0.74),
    Arrangement.BOTTOM_RIGHT: (0.74, 0.74),
    Arrangement.MIDDLE: (0.5, 0.5),
}
_PLACE_JITTER = 0.06
_LINE_JITTER = 0.05  # two neighbours are moved apart by at most half of the smallest extent
_BACKGROUND_RANGE = (228, 250)


def place_scene(pairs: Sequence[Pair], rng: Random) -> Scene:
    """Place one object per pair.

    Args:
        pairs: one to three different colour-shape pairs, in the order of their places.
        rng: the source of everything left open.
    """
    if len(pairs) == 1:
        arrangement, sizes, centres = _place_alone(rng)
    else:
        arrangement, sizes, centres = _place_in_line(len(pairs), rng)
    red, green, blue = (rng.randint(*_BACKGROUND_RANGE) for _ in range(3))
    objects = (
        Object(shape, colour, size, centre)
        for (colour, shape), size, centre in zip(pairs, sizes, centres, strict=True)
    )
    return Scene(arrangement, tuple(objects), (red, green, blue))


_Places = tuple[Arrangement, list[Size], list[tuple[float, float]]]


def _place_alone(rng: Random) -> _Places:
    """One object in a corner or in the middle, with some jitter."""
    arrangement = rng.choice(list(_PLACES))
    x, y = (value + rng.uniform(-_PLACE_JITTER, _PLACE_JITTER) for value in _PLACES[arrangement])
    return arrangement, [rng.choice(SIZES)], [(x, y)]


def _place_in_line(count: int, rng: Random) -> _Places:
    """A row or a column anywhere in the picture, with some jitter across the line."""
    arrangement = rng.choice([Arrangement.ROW, Arrangement.COLUMN])
    sizes = _sizes_that_fit(count, rng)
    reach = MARGIN + max(size.extent for size in sizes) / 2 + _LINE_JITTER
    line = rng.uniform(reach, 1 - reach)
    across = [line + rng.uniform(-_LINE_JITTER, _LINE_JITTER) for _ in sizes]
    along = _spread(sizes, rng)
    if arrangement is Arrangement.ROW:
        return arrangement, sizes, list(zip(along, across, strict=True))
    return arrangement, sizes, list(zip(across, along, strict=True))


def _sizes_that_fit(count: int, rng: Random) -> list[Size]:
    """Sizes that a line has room for: any two, but among three at most one large."""
    while True:
        sizes = rng.choices(SIZES, k=count)
        if room_left(sizes) >= 0:
            return sizes


def room_left(sizes: Sequence[Size]) -> float:
    """What a line leaves of the picture's side, objects, gaps and margins taken off; below 0 they
    do not fit."""
    return 1 - 2 * MARGIN - sum(size.extent for size in sizes) - (len(sizes) - 1) * CLEAR_GAP


def _spread(sizes: Sequence[Size], rng: Random) -> list[float]:
    """Centres along the line, in order; the room that is left goes between them at random."""
    room = room_left(sizes)
    slack = sorted(rng.uniform(0, room) for _ in sizes)
    ends = accumulate(size.extent + CLEAR_GAP for size in sizes)
    return [
        MARGIN - CLEAR_GAP + end - size.extent / 2 + moved
        for end, size, moved in zip(ends, sizes, slack, strict=True)
    ]
