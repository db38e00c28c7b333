"""How much each modality has to do with what a model says, on average over a set.

    share_m = mean over samples of the Shapley value of m in what is said of the sample

Not whether it is right is asked, but what it rests on: a model that answers questions about
pictures from the words alone has a share of nearly nothing for the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from sensorium.batch import Batch
from sensorium.tasks import Encoded, Mixture
from sensorium.tasks.shares import Shares, shares_of

Kind = Literal["score", "score_without", "shares", "withheld"]


@dataclass
class MeanShares:
    """Of one thing that is said, over the samples of which it is.

    Attributes:
        unit: of the score.
        samples: how many.
        sums: over them, of (what, the modality that it is of, if any).
    """

    unit: str
    samples: int = 0
    sums: dict[tuple[Kind, str], float] = field(default_factory=dict)

    def add(self, shares: Shares, said: Tensor) -> None:
        """Take in the samples that `said` [B] holds true."""
        self.samples += int(said.sum())
        for key, values in _named(shares):
            self.sums[key] = self.sums.get(key, 0.0) + values[said].double().sum().item()

    def facts(self) -> dict[str, Any]:
        """As in `summary.json`: the means."""
        facts: dict[str, Any] = {"samples": self.samples, "unit": self.unit}
        for (kind, modality), total in self.sums.items():
            mean = total / self.samples
            if modality:
                facts.setdefault(kind, {})[modality] = mean
            else:
                facts[kind] = mean
        return facts


@torch.no_grad()
def mean_shares(
    mixture: Mixture, batches: Iterable[Batch], on_batch: Callable[[int], None] | None = None
) -> dict[str, MeanShares]:
    """Name of what is said -> its mean shares. That two modalities belong together is left out:
    each of them has half.

    Args:
        mixture: in evaluation mode.
        batches: one pass over the set.
        on_batch: told the number of samples after every batch.
    """
    found: dict[str, MeanShares] = {}
    device, samples = next(mixture.parameters()).device, 0
    for batch in batches:
        batch = batch.to(device)
        encodings = mixture.model.encode(batch)
        claims = mixture.claims(batch, Encoded(encodings)) if encodings else {}
        for name, claim in claims.items():
            if claim.of_pair:
                continue
            said = torch.tensor([one is not None for one in claim.said], device=device)
            if said.any():
                mean = found.setdefault(name, MeanShares(claim.unit))
                mean.add(shares_of(claim, encodings), said)
        samples += len(batch)
        if on_batch is not None:
            on_batch(samples)
    return found


def _named(shares: Shares) -> Iterator[tuple[tuple[Kind, str], Tensor]]:
    yield ("score", ""), shares.all
    yield ("score_without", ""), shares.none
    yield from ((("shares", modality), of) for modality, of in shares.shares.items())
    yield from ((("withheld", modality), of) for modality, of in shares.withheld.items())
