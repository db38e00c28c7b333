"""What a frozen model makes of the samples of a set, once: the pooled vector of each modality, and
the fused one.

Shapes: N samples with a label, K <= N of them with a modality, D width of a vector.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sensorium.batch import Batch
from sensorium.model import Model

FUSED = "fused"


@dataclass(frozen=True)
class Features:
    """Vectors of one set.

    Attributes:
        ids: of the samples.
        labels: [N] the class of each sample.
        vectors: `image`, `text`, ..., `fused` -> [K, D], of the samples that have it.
        rows: the same -> [K], which samples those are, ascending.
    """

    ids: list[str]
    labels: Int[Tensor, " N"]
    vectors: dict[str, Float[Tensor, "K D"]]
    rows: dict[str, Int[Tensor, " K"]]

    def of(self, name: str) -> tuple[Float[Tensor, "K D"], Int[Tensor, " K"]]:
        """The vectors of one name, and the labels of their samples."""
        return self.vectors[name], self.labels[self.rows[name]]

    def keep(self, kept: Bool[Tensor, " N"]) -> Features:
        """Those of the samples that `kept` holds true."""
        place = kept.cumsum(0) - 1
        stay = {name: kept[rows] for name, rows in self.rows.items()}
        return Features(
            ids=[id for id, one in zip(self.ids, kept.tolist(), strict=True) if one],
            labels=self.labels[kept],
            vectors={name: vectors[stay[name]] for name, vectors in self.vectors.items()},
            rows={name: place[rows[stay[name]]] for name, rows in self.rows.items()},
        )


@torch.no_grad()
def gather(
    models: Sequence[Model],
    batches: Iterable[Batch],
    without: Sequence[str] = (),
    on_batch: Callable[[int], None] | None = None,
) -> list[Features]:
    """The features of a set by each of several models, in one pass over it.

    Args:
        models: in evaluation mode, on the device to compute on.
        batches: with the target `label`; samples without one are left out.
        without: modalities that the models do not get to see.
        on_batch: told the number of samples after every batch.
    """
    ids: list[str] = []
    labels: list[Tensor] = []
    vectors: list[dict[str, list[Tensor]]] = [defaultdict(list) for _ in models]
    rows: dict[str, list[Tensor]] = defaultdict(list)
    count = seen = 0
    for batch in batches:
        seen += len(batch)
        batch = batch.rows((batch.targets["label"] >= 0).nonzero()[:, 0]).without(*without)
        own = [_vectors(model, batch.to(next(model.parameters()).device)) for model in models]
        for of_model, kept in zip(own, vectors, strict=True):
            for name, (vector, _) in of_model.items():
                kept[name].append(vector)
        for name, (_, present) in own[0].items():
            rows[name].append(present + count)
        ids += batch.ids
        labels.append(batch.targets["label"])
        count += len(batch)
        if on_batch is not None:
            on_batch(seen)
    joined = torch.cat(labels) if labels else torch.zeros(0, dtype=torch.long)
    of_rows = {name: torch.cat(parts) for name, parts in rows.items()}
    return [
        Features(ids, joined, {name: torch.cat(parts) for name, parts in kept.items()}, of_rows)
        for kept in vectors
    ]


def _vectors(model: Model, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
    """Name -> the vectors of the samples that have it, and which those are, on the CPU."""
    encodings = model.encode(batch)
    found = {m: (encoding.pooled, encoding.present) for m, encoding in encodings.items()}
    if model.fusion is not None and encodings:
        some = torch.stack([encoding.present for encoding in encodings.values()]).any(dim=0)
        found[FUSED] = model.fuse(encodings).vector, some
    return {
        name: (vector[present].float().cpu(), present.nonzero()[:, 0].cpu())
        for name, (vector, present) in found.items()
    }
