"""Single samples of a retrieval: those best found and those worst found, with what was found.

Shapes: Q queries, C candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sensorium.data.quarantine import BrokenSample
from sensorium.data.thumbnail import thumbnail
from sensorium.tasks.ranking import first_hit_ranks
from sensorium.tasks.retrieval import Retrieval

CANDIDATES = 5  # shown of each query, the first ones
THUMBNAIL_SIDE = 96


@dataclass(frozen=True)
class Shown:
    """What the report shows of a sample.

    Attributes:
        id: its name.
        text: its text, where it has one.
        image: the bytes of its picture file, where it has one.
    """

    id: str
    text: str | None
    image: bytes | None


@dataclass(frozen=True)
class Face:
    """One modality of a sample: a picture (data URI) with its words, or words alone."""

    picture: str | None
    words: str


@dataclass(frozen=True)
class Candidate:
    """What was found at a rank (from 1), and whether it is the query's own."""

    face: Face
    score: float
    rank: int
    right: bool


@dataclass(frozen=True)
class Example:
    """A query with its first candidates, and then its own where that is not among them."""

    query: Face
    rank: int
    candidates: list[Candidate]


@dataclass(frozen=True)
class Direction:
    """Examples of one modality (`query`) looking for the other (`candidate`)."""

    query: str
    candidate: str
    queries: int
    candidates: int
    best: list[Example]
    worst: list[Example]


def directions(
    retrieved: Sequence[Retrieval], show: Callable[[int], Shown], examples: int
) -> list[Direction]:
    """Examples of every direction.

    Args:
        retrieved: of at least one sample each.
        show: number of a sample -> what is shown of it.
        examples: of each kind, at most, and never more than half of the queries.
    """
    return [_Search(found, show).direction(examples) for found in retrieved]


@dataclass(frozen=True)
class _Search:
    """Every query looking for its candidates."""

    found: Retrieval
    show: Callable[[int], Shown]

    def direction(self, examples: int) -> Direction:
        """Best: furthest ahead of every wrong one. Worst: of the largest rank, then the same."""
        scores, relevant = self.found.similarity, self.found.relevant
        own = scores.masked_fill(~relevant, -torch.inf).amax(dim=1)
        margins = (own - scores.masked_fill(relevant, -torch.inf).amax(dim=1)).numpy()
        ranks = first_hit_ranks(scores, relevant).numpy()
        count = max(1, min(examples, len(own) // 2))
        best = np.argsort(-margins, kind="stable")[:count].tolist()
        worst = np.lexsort((margins, -ranks))[:count].tolist()
        return Direction(
            query=self.found.query,
            candidate=self.found.candidate,
            queries=len(own),
            candidates=scores.shape[1],
            best=[self.example(row) for row in best],
            worst=[self.example(row) for row in worst],
        )

    def example(self, row: int) -> Example:
        """A query with what was found; its own come after those they tie with, as ranks say."""
        scores, relevant = self.found.similarity[row], self.found.relevant[row]
        order = np.lexsort((relevant.numpy(), -scores.numpy())).tolist()
        rank = next(place for place, column in enumerate(order, start=1) if relevant[column])
        shown = order[:CANDIDATES]
        if rank > CANDIDATES:
            shown = [*shown, order[rank - 1]]
        return Example(
            query=face_of(self.show(int(self.found.query_rows[row])), self.found.query),
            rank=rank,
            candidates=[
                Candidate(
                    face=face_of(
                        self.show(int(self.found.candidate_rows[column])), self.found.candidate
                    ),
                    score=scores[column].item(),
                    rank=order.index(column) + 1,
                    right=bool(relevant[column]),
                )
                for column in shown
            ],
        )


def face_of(shown: Shown, modality: str) -> Face:
    """What is seen of a modality; words and id stand in for what is missing, broken or unseen."""
    if modality == "text" and shown.text is not None:
        return Face(None, shown.text)
    if modality == "image" and shown.image is not None:
        try:
            return Face(thumbnail(shown.image, THUMBNAIL_SIDE), shown.text or shown.id)
        except BrokenSample:
            pass  # named in the quarantine
    return Face(None, shown.id if shown.text is None else f"{shown.text} ({shown.id})")
