"""One modality looks for another over a whole set, each different item once.

Where several samples hold the same item, as ten words are spoken in three hundred recordings, the
item is one query and one candidate, and what is found is right if it belongs to any of them.

Shapes: S samples of the set, E embedding width, K <= S samples with both modalities, Q different
items of one modality among them, C of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.tasks.pairs import Pair
from sensorium.tasks.ranking import RECALL_AT, chance, first_hit_ranks, retrieval_figures
from sensorium.tasks.tally import Tally, mean_of, rows_of


@dataclass(frozen=True)
class Retrieval:
    """What was found in one direction.

    Attributes:
        query: modality that looks.
        candidate: modality that is looked for.
        query_rows: [Q] the first sample that holds each query.
        candidate_rows: [C] the first sample that holds each candidate.
        similarity: [Q, C] cosine similarity.
        relevant: [Q, C], which candidates belong to which query.
    """

    query: str
    candidate: str
    query_rows: Int[Tensor, " Q"]
    candidate_rows: Int[Tensor, " C"]
    similarity: Float[Tensor, "Q C"]
    relevant: Bool[Tensor, "Q C"]

    @property
    def direction(self) -> str:
        """As figures are named: `image_to_text`."""
        return f"{self.query}_to_{self.candidate}"

    def figures(self, ranks: Int[Tensor, " Q"] | None = None) -> dict[str, float]:
        """Recall, median rank, and the recall at 1 of a random order.

        Args:
            ranks: of the first hits, from 1; None ranks by the similarity.
        """
        ranks = self.ranks() if ranks is None else ranks
        return retrieval_figures(ranks) | {"chance": chance(self.relevant)}

    def tallies(self, ranks: Int[Tensor, " Q"] | None = None) -> dict[str, Tally]:
        """Of the recalls: over the queries, each among the same candidates.

        Args:
            ranks: as of `figures`.
        """
        ranks = self.ranks() if ranks is None else ranks
        return {f"recall_at_{k}": mean_of(self.query_rows, ranks <= k) for k in RECALL_AT}

    def ranks(self) -> Int[Tensor, " Q"]:
        """Of the first hit of every query, from 1, by the similarity."""
        return first_hit_ranks(self.similarity, self.relevant)


def retrievals(predictions: Mapping[str, Tensor], pair: Pair) -> list[Retrieval]:
    """Both directions of a pair; none where no sample has both.

    Args:
        predictions: of the contrastive task: `<modality>` [S, E], `<modality> present` [S] and
            `<modality> key` [S], equal where items are.
        pair: two modalities.
    """
    a, b = pair
    rows = (predictions[f"{a} present"] & predictions[f"{b} present"]).nonzero()[:, 0]
    if not len(rows):
        return []
    first, item = zip(*(_different(predictions[f"{m} key"][rows]) for m in pair), strict=True)
    rows_a, rows_b = (rows[of] for of in first)
    samples_a, samples_b = (
        rows_of(predictions, len(predictions[a]))[of] for of in (rows_a, rows_b)
    )
    similarity = predictions[a][rows_a] @ predictions[b][rows_b].T
    relevant = torch.zeros_like(similarity, dtype=torch.bool)
    relevant[item[0], item[1]] = True
    return [
        Retrieval(a, b, samples_a, samples_b, similarity, relevant),
        Retrieval(b, a, samples_b, samples_a, similarity.T, relevant.T),
    ]


def figures_by_direction(
    retrieved: Sequence[Retrieval],
) -> tuple[dict[str, float], dict[str, Tally]]:
    """Figures and tallies of every direction, named as in `image_to_text/recall_at_1`."""
    figures: dict[str, float] = {}
    tallies: dict[str, Tally] = {}
    for found in retrieved:
        ranks = found.ranks()
        figures |= {f"{found.direction}/{name}": of for name, of in found.figures(ranks).items()}
        tallies |= {f"{found.direction}/{name}": of for name, of in found.tallies(ranks).items()}
    return figures, tallies


def _different(keys: Int[Tensor, " K"]) -> tuple[Tensor, Tensor]:
    """Where each different key comes first, ascending, and which of those each of the K is."""
    _, group = keys.unique(return_inverse=True)
    places = torch.arange(len(keys), device=keys.device)
    first = places.new_full((int(group.max()) + 1,), len(keys))
    first = first.scatter_reduce(0, group, places, "amin")
    order = first.argsort()
    return first[order], order.argsort()[group]
