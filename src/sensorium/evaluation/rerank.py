"""Matching as a re-ranker: the fusion looks again at the best candidates of the similarity.

Contrast compares two vectors, which is fast and coarse; matching reads both samples together,
which is slow and fine. So the first proposes, and both together decide: the log-odds of a match are
added to the contrastive logit.

Shapes: Q queries and candidates, K candidates looked at again for each query.

Source: Li et al. 2021, "Align before Fuse" (ALBEF), section 4; Li et al. 2022, "BLIP", whose code
adds the two scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from sensorium.batch import Encoding, Tokens
from sensorium.model import Model
from sensorium.tasks import Matching
from sensorium.tasks.ranking import target_ranks

PAIRS_AT_A_TIME = 256


def reranked_ranks(
    model: Model,
    matching: Matching,
    encodings: Sequence[dict[str, Encoding]],
    pair: tuple[str, str],
    logits: Float[Tensor, "Q Q"],
    candidates: int,
) -> dict[str, Int[Tensor, " Q"]]:
    """Rank of each sample's own partner once matching has sorted the best candidates anew.

    Args:
        model: with a fusion.
        matching: its matching task.
        encodings: of every batch of the split, in order: modality -> `Encoding`.
        pair: the two modalities (a, b).
        logits: contrastive similarity of each a to each b, over the learned temperature.
        candidates: K.

    Returns:
        `a_to_b` and `b_to_a` -> ranks from 1. A partner outside the K keeps its rank.
    """
    a, b = pair
    whole = {m: join([batch[m] for batch in encodings]) for m in pair}
    ranks = {}
    for query, candidate, scores in ((a, b, logits), (b, a, logits.T)):
        best = scores.topk(min(candidates, len(scores)), dim=1).indices  # [Q, K]
        queries = torch.arange(len(scores))[:, None].expand_as(best)
        picked = {query: queries.reshape(-1), candidate: best.reshape(-1)}
        matched = _match_in_parts(model, matching, whole, picked).view_as(best)
        together = scores.gather(1, best) + matched
        # Raised above all other scores, so that the K stay ahead of the rest.
        ahead = scores.max() - together.min() + 1
        sorted_anew = scores.scatter(1, best, together + ahead)
        ranks[f"{query}_to_{candidate}"] = target_ranks(sorted_anew, torch.arange(len(scores)))
    return ranks


def _match_in_parts(
    model: Model, matching: Matching, whole: dict[str, Encoding], picked: dict[str, Tensor]
) -> Tensor:
    """Log-odds of a match for every picked pair, [pairs], on the CPU."""
    a, b = matching.modalities
    scores = []
    for rows_a, rows_b in zip(
        picked[a].split(PAIRS_AT_A_TIME), picked[b].split(PAIRS_AT_A_TIME), strict=True
    ):
        device = whole[a].pooled.device
        scores.append(
            matching.score(
                model, whole[a].rows(rows_a.to(device)), whole[b].rows(rows_b.to(device))
            ).cpu()
        )
    return torch.cat(scores)


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
