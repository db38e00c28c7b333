"""Pictures of which most was hidden, three side by side, as the report shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensorium.data.thumbnail import picture_inside
from sensorium.tasks.reconstruction import Reconstruction


@dataclass(frozen=True)
class Strip:
    """One sample.

    Attributes:
        id: its name.
        pictures: what each is -> a data URI, in the order in which they stand.
    """

    id: str
    pictures: dict[str, str]


def strips(reconstructed: Sequence[Reconstruction]) -> list[Strip]:
    """A strip of each."""
    return [
        Strip(
            one.id,
            {
                name: picture_inside(pixels, lossless=True)
                for name, pixels in (("left", one.left), ("told", one.told), ("whole", one.whole))
            },
        )
        for one in reconstructed
    ]
