"""Matching as a re-ranker: the fusion looks again at the best candidates of the similarity.

Contrast compares two vectors, which is fast and coarse; matching reads both samples together,
which is slow and fine. So the first proposes, and both together decide: the log-odds of a match are
added to the contrastive logit.

Shapes: Q queries, C candidates, K candidates looked at again for each query.

Source: Li et al. 2021, "Align before Fuse" (ALBEF), section 4; Li et al. 2022, "BLIP", whose code
adds the two scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor

from sensorium.batch import Encoding, Tokens
from sensorium.model import Model
from sensorium.tasks import Contrastive, Matching
from sensorium.tasks.pairs import Pair
from sensorium.tasks.ranking import first_hit_ranks
from sensorium.tasks.retrieval import Retrieval
from sensorium.tasks.tally import Tally

PAIRS_AT_A_TIME = 256


@dataclass
class KeptEncodings:
    """The encodings of a whole split, by modality, of the samples that have it."""

    _parts: dict[str, list[Encoding]] = field(default_factory=lambda: defaultdict(list))
    _rows: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))

    def add(self, encodings: Mapping[str, Encoding], first_row: int) -> None:
        """Take in a batch whose samples are counted from `first_row` on."""
        for modality, encoding in encodings.items():
            present = encoding.present.nonzero()[:, 0]
            self._parts[modality].append(encoding.rows(present))
            self._rows[modality].append(present + first_row)

    def joined(self, modality: str) -> tuple[Encoding, Tensor]:
        """All of them, padded to the longest, and which sample each of them is of, ascending."""
        return join(self._parts[modality]), torch.cat(self._rows[modality])


@dataclass(frozen=True)
class Reranker:
    """Sorts retrievals anew, for the pairs that both tasks have learned."""

    model: Model
    contrastive: Contrastive
    matching: Matching
    encodings: KeptEncodings

    def figures(
        self, retrieved: Sequence[Retrieval], candidates: int
    ) -> tuple[dict[str, float], dict[str, Tally]]:
        """Named as in `matching/reranked_image_to_text/recall_at_1`; and the tallies of some.

        Args:
            retrieved: by contrastive similarity.
            candidates: K.
        """
        figures: dict[str, float] = {}
        tallies: dict[str, Tally] = {}
        for found in retrieved:
            if self._pair(found, self.contrastive.pairs) and self._pair(found, self.matching.pairs):
                start = f"matching/reranked_{found.direction}"
                ranks = self.ranks(found, candidates)
                figures |= {f"{start}/{name}": of for name, of in found.figures(ranks).items()}
                tallies |= {f"{start}/{name}": of for name, of in found.tallies(ranks).items()}
        return figures, tallies

    def ranks(self, found: Retrieval, candidates: int) -> Int[Tensor, " Q"]:
        """Rank of the first right candidate of each query, from 1.

        One that is not among the K best candidates keeps its rank.
        """
        pair = self._pair(found, self.contrastive.pairs)
        assert pair is not None, "the contrastive task has learned this pair"
        logits = found.similarity * self.contrastive.scale(pair).cpu()
        best = logits.topk(min(candidates, logits.shape[1]), dim=1).indices  # [Q, K]
        together = logits.gather(1, best) + self._match(found, best)
        # Raised above all other scores, so that the K stay ahead of the rest.
        ahead = logits.max() - together.min() + 1
        return first_hit_ranks(logits.scatter(1, best, together + ahead), found.relevant)

    def _match(self, found: Retrieval, best: Int[Tensor, "Q K"]) -> Tensor:
        """Log-odds that each query belongs to each of its best candidates, [Q, K], on the CPU."""
        pair = self._pair(found, self.matching.pairs)
        assert pair is not None, "the matching task has learned this pair"
        picked = {
            found.query: found.query_rows[:, None].expand_as(best).reshape(-1),
            found.candidate: found.candidate_rows[best].reshape(-1),
        }
        whole = {modality: self.encodings.joined(modality) for modality in pair}
        scores = []
        for start in range(0, best.numel(), PAIRS_AT_A_TIME):
            both = {}
            for modality, (encoding, rows) in whole.items():
                samples = picked[modality][start : start + PAIRS_AT_A_TIME].to(rows.device)
                both[modality] = encoding.rows(torch.searchsorted(rows, samples))
            scores.append(self.matching.score(self.model, pair, both).cpu())
        return torch.cat(scores).view_as(best)

    def _pair(self, found: Retrieval, pairs: Sequence[Pair]) -> Pair | None:
        """The pair of a direction, in the order in which a task names it."""
        return next((pair for pair in pairs if set(pair) == {found.query, found.candidate}), None)


def join(encodings: Sequence[Encoding]) -> Encoding:
    """Encodings of several batches as those of one, padded to the longest."""
    values = [encoding.tokens.values for encoding in encodings]
    masks = [encoding.tokens.mask for encoding in encodings]
    longest = max(value.shape[1] for value in values)
    return Encoding(
        Tokens(
            torch.cat([F.pad(value, (0, 0, 0, longest - value.shape[1])) for value in values]),
            torch.cat([F.pad(mask, (0, longest - mask.shape[1])) for mask in masks]),
        ),
        torch.cat([encoding.pooled for encoding in encodings]),
        torch.cat([encoding.present for encoding in encodings]),
    )
