"""Beam search: the sequence of largest score among many, K of which are followed at a time.

    score(w) = log p(w) / length(w)^penalty

In every step the K sequences go on with every token, and the 2 K likeliest of what comes out are
looked at. Those of the first K that have ended are finished; the K likeliest that have not go on.
A search is over once K have finished, so that a beam of 1 is the greedy search.

Shapes: B searches, K sequences in each, V vocabulary, N tokens, C <= 2 K candidates.

Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 7; the end rule is
that of fairseq (Ott et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.layers.generation import Generated, S, Step


@torch.no_grad()
def beam_search(
    logits: Float[Tensor, "B V"],
    state: S,
    step: Step[S],
    *,
    end: int,
    longest: int,
    beams: int,
    length_penalty: float = 1.0,
) -> Generated:
    """The finished sequence of largest score, of each search.

    Args:
        logits: of the first token.
        state: that `step` goes on from.
        step: gives the logits of the next token.
        end: the token that ends a sequence.
        longest: most tokens of a sequence; one of so many is finished as it is.
        beams: K.
        length_penalty: 0 compares probabilities, 1 their means over the tokens.
    """
    (B, V), K = logits.shape, beams
    first = torch.arange(B, device=logits.device) * K
    state = state.rows(torch.arange(B, device=logits.device).repeat_interleave(K))
    logits = logits.repeat_interleave(K, dim=0)
    ids = logits.new_zeros((B, K, 0), dtype=torch.long)
    going_on = torch.full((B, K), float("-inf"), dtype=logits.dtype, device=logits.device)
    going_on[:, 0] = 0.0  # all K are the same empty sequence still
    best = _Best.nothing(B, longest, end, logits)
    for length in range(1, longest + 1):
        each = going_on[:, :, None] + logits.log_softmax(dim=1).view(B, K, V)
        total, place = each.flatten(1).topk(min(2 * K, K * V), dim=1)  # [B, C]
        beam, token = place // V, place % V
        grown = torch.cat([_take(ids, beam), token[:, :, None]], dim=2)  # [B, C, length]
        ended = token == end
        finished = (ended | (length == longest)) & total.isfinite()
        finished[:, K:] = False
        finished &= best.count[:, None] < K  # the searches that are over only wait for the others
        best.consider(grown, total, finished, length, length_penalty)
        if length == longest or (best.count >= K).all():
            break
        going_on, kept = total.masked_fill(ended, float("-inf")).topk(K, dim=1)
        ids, beam, token = _take(grown, kept), beam.gather(1, kept), token.gather(1, kept)
        state = state.rows((first[:, None] + beam).flatten())
        logits = step(token.flatten(), state)
    return best.generated()


@dataclass
class _Best:
    """The best finished sequence of each search.

    Attributes:
        ids: [B, longest], end tokens after the last.
        lengths: [B].
        total: [B] log-probability.
        score: [B].
        count: [B] finished so far.
    """

    ids: Tensor
    lengths: Tensor
    total: Tensor
    score: Tensor
    count: Tensor

    @classmethod
    def nothing(cls, searches: int, longest: int, end: int, like: Tensor) -> _Best:
        none = torch.zeros(searches, dtype=torch.long, device=like.device)
        lowest = torch.full((searches,), float("-inf"), dtype=like.dtype, device=like.device)
        ids = torch.full((searches, longest), end, device=like.device)
        return cls(ids, none, lowest, lowest, none)

    def consider(
        self, ids: Tensor, total: Tensor, finished: Tensor, length: int, penalty: float
    ) -> None:
        """Candidates [B, C, length], of which some are `finished` [B, C]."""
        score = (total / length**penalty).masked_fill(~finished, float("-inf"))
        highest, which = score.max(dim=1)
        better = highest > self.score
        rows = torch.arange(len(ids), device=ids.device)
        grown = self.ids.clone()
        grown[:, :length] = ids[rows, which]
        self.ids = torch.where(better[:, None], grown, self.ids)
        self.lengths = torch.where(better, length, self.lengths)
        self.total = torch.where(better, total[rows, which], self.total)
        self.score = torch.where(better, highest, self.score)
        self.count = self.count + finished.sum(dim=1)

    def generated(self) -> Generated:
        longest = int(self.lengths.max())
        mask = torch.arange(longest, device=self.ids.device) < self.lengths[:, None]
        return Generated(self.ids[:, :longest], mask, self.total)


def _take(x: Tensor, index: Tensor) -> Tensor:
    """[B, K, N], index [B, C] -> [B, C, N]."""
    return x.gather(1, index[:, :, None].expand(-1, -1, x.shape[2]))
