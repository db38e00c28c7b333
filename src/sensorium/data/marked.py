"""A picture with boxes on it, as a page shows it: the picture once, the boxes drawn over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensorium.data.image import ImageConfig, decode_image, image_size
from sensorium.data.thumbnail import picture_inside

COLOURS = 5
"""How many colours tell classes apart; then they come again."""


@dataclass(frozen=True)
class Mark:
    """A box on a picture.

    Attributes:
        box: left, top, right, bottom, in pixels of the file.
        words: what is there, as `cat`.
        colour: number of it.
        score: how sure that is, 0 to 1; None of what is true.
        right: whether it is; None where nobody knows.
    """

    box: Sequence[float]
    words: str
    colour: int = 0
    score: float | None = None
    right: bool | None = None


@dataclass(frozen=True)
class MarkedPicture:
    """A picture with its marks.

    Attributes:
        picture: as a data URI.
        width, height: of the file, in which the marks are.
        words: what is said of it.
    """

    picture: str
    width: int
    height: int
    marks: Sequence[Mark]
    words: str

    @property
    def legend(self) -> list[tuple[int, str, int]]:
        """The colour of each kind, its words, and how often it is marked."""
        kinds = dict.fromkeys((mark.colour % COLOURS, mark.words) for mark in self.marks)
        count = [(mark.colour % COLOURS, mark.words) for mark in self.marks].count
        return [(*kind, count(kind)) for kind in sorted(kinds)]


def marked_picture(
    image: bytes, marks: Sequence[Mark], words: str, side: int = 480
) -> MarkedPicture:
    """The picture of a file, its shape kept, with marks.

    Args:
        image: the bytes of a picture file.
        marks: to be drawn.
        words: that stand beside it.
        side: pixels of a square of the same area; smaller pictures stay as they are.

    Raises:
        BrokenSample: it is empty, damaged, too large, or not a picture.
    """
    config = ImageConfig(size=side, fit="native", patch_size=1)
    height, width = image_size(image, config)
    uri = picture_inside(decode_image(image, config), quality=80)
    return MarkedPicture(uri, width, height, marks, words)
