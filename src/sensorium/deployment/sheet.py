"""What a search found, as a page of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.data.quarantine import BrokenSample
from sensorium.data.thumbnail import thumbnail
from sensorium.page import write_page

THUMBNAIL_SIDE = 192


@dataclass(frozen=True)
class Hit:
    """One sample that a search found.

    Attributes:
        rank: from 1.
        score: cosine similarity to the query.
        id: its name.
        text: its text, where it has one.
        image: the bytes of its picture file, where it has one.
        path: of the file that was found; where that is a text, of one beside it.
        match: probability that it belongs to the query, where matching has looked at it.
    """

    rank: int
    score: float
    id: str
    text: str | None
    image: bytes | None
    path: str | None = None
    match: float | None = None


def write_sheet(
    path: Path, query: str, hits: Sequence[Hit], *, query_image: bytes | None = None
) -> None:
    """Write a page with the query on top and what was found below it.

    Args:
        path: the page.
        query: the words that were looked for, or the name of the picture.
        hits: in the order of their ranks.
        query_image: the bytes of the picture that was looked for.
    """
    write_page(
        path,
        "deployment/sheet.html.jinja",
        query=query,
        query_picture=_picture(query_image),
        hits=[(hit, _picture(hit.image)) for hit in hits],
    )


def _picture(image: bytes | None) -> str | None:
    """The picture as a data URI; None where there is none or it is broken."""
    try:
        return None if image is None else thumbnail(image, THUMBNAIL_SIDE)
    except BrokenSample:
        return None
