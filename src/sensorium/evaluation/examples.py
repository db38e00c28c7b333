"""Single samples of a retrieval: those best found and those worst found, with what was found.

Shapes: Q queries and candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.data.quarantine import BrokenSample
from sensorium.data.thumbnail import thumbnail
from sensorium.evaluation.evaluate import Retrieved
from sensorium.tasks.ranking import target_ranks

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
    best: list[Example]
    worst: list[Example]


def directions(
    retrieved: Retrieved, show: Callable[[str], Shown], examples: int
) -> list[Direction]:
    """Both directions of a retrieval.

    Args:
        retrieved: of at least one sample.
        show: id -> what is shown of the sample.
        examples: of each kind, at most, and never more than half of the queries.
    """
    a, b = retrieved.modalities
    there = _Search(a, b, retrieved.ids, retrieved.similarity.float(), show)
    back = _Search(b, a, retrieved.ids, retrieved.similarity.float().T, show)
    return [search.direction(examples) for search in (there, back)]


@dataclass(frozen=True)
class _Search:
    """Every sample's `query` modality looking for its `candidate`, by scores [Q, Q]."""

    query: str
    candidate: str
    ids: list[str]
    scores: Float[Tensor, "Q Q"]
    show: Callable[[str], Shown]

    def direction(self, examples: int) -> Direction:
        """Best: furthest ahead of every wrong one. Worst: of the largest rank, then the same."""
        own = self.scores.diagonal()
        margins = (own - self.scores.clone().fill_diagonal_(-torch.inf).amax(dim=1)).numpy()
        ranks = target_ranks(self.scores, torch.arange(len(own))).numpy()
        count = max(1, min(examples, len(own) // 2))
        best = np.argsort(-margins, kind="stable")[:count].tolist()
        worst = np.lexsort((margins, -ranks))[:count].tolist()
        return Direction(
            query=self.query,
            candidate=self.candidate,
            queries=len(own),
            best=[self.example(row) for row in best],
            worst=[self.example(row) for row in worst],
        )

    def example(self, row: int) -> Example:
        """A query with what was found; its own comes after those it ties with, as ranks say."""
        is_own = np.arange(len(self.ids)) == row
        order = np.lexsort((is_own, -self.scores[row].numpy())).tolist()
        rank = order.index(row) + 1
        shown = order[:CANDIDATES] if rank <= CANDIDATES else [*order[:CANDIDATES], row]
        return Example(
            query=_face(self.show(self.ids[row]), self.query),
            rank=rank,
            candidates=[
                Candidate(
                    face=_face(self.show(self.ids[column]), self.candidate),
                    score=self.scores[row, column].item(),
                    rank=order.index(column) + 1,
                    right=column == row,
                )
                for column in shown
            ],
        )


def _face(shown: Shown, modality: str) -> Face:
    """What is seen of a modality; its id stands in for what is missing, broken or unseen."""
    if modality == "text" and shown.text is not None:
        return Face(None, shown.text)
    if modality == "image" and shown.image is not None:
        try:
            return Face(thumbnail(shown.image, THUMBNAIL_SIDE), shown.text or shown.id)
        except BrokenSample:
            pass  # named in the quarantine
    return Face(None, shown.id)
