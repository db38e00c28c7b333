"""What frozen encoders give, computed once: the batches of later epochs are drawn from it.

A frozen encoder gives the same for the same input, as long as nothing about the input changes at
random. So heads, and a fusion, can be trained on what it gave: an epoch costs what they cost.

Shapes: B samples, P of them with a modality, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium.batch import Batch, Encoding, Inputs, Tokens
from sensorium.errors import TrainingError
from sensorium.model import Model

MEGABYTE = 1_000_000


class Features:
    """Endless batches of encoded samples, in the order in which a loader gives them.

    Args:
        samples: the whole training set, encoded, as `joined` makes it.
        batch_size: over all ranks together; a last one that is not full is left out.
        seed: of the order of every epoch.
        rank, ranks: which of several processes this is, each of which gets its share.
    """

    def __init__(
        self, samples: Batch, *, batch_size: int, seed: int, rank: int = 0, ranks: int = 1
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.rank, self.ranks = rank, ranks
        self.batches_per_epoch = len(samples) // batch_size
        self.epoch = self.batch = 0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.samples))
            for number in range(self.batch, self.batches_per_epoch):
                first = number * self.batch_size
                own = order[first + self.rank : first + self.batch_size : self.ranks]
                self.batch = number + 1
                yield self.samples.rows(torch.from_numpy(own))
            self.epoch, self.batch = self.epoch + 1, 0

    def state(self) -> dict[str, Any]:
        """The place of the next batch to be given out."""
        return {"epoch": self.epoch, "batch": self.batch}

    def restore(self, state: dict[str, Any]) -> None:
        """Make the next iteration begin at a place that `state` gave."""
        self.epoch, self.batch = state["epoch"], state["batch"]


@torch.no_grad()
def encoded(
    model: Model, batches: Iterable[Batch], *, tokens: bool, megabytes: int, of: int
) -> Iterator[Batch]:
    """Batches with what the model's encoders make of them, on the CPU, in full precision.

    Args:
        model: its encoders are frozen.
        batches: as loaded, nothing in them changed at random.
        tokens: whether anybody reads single tokens; otherwise only pooled vectors are kept.
        megabytes: most memory that the encodings may take.
        of: samples there are in all.

    Raises:
        TrainingError: they would take more.
    """
    model.eval()
    device = next(model.parameters()).device
    samples = taken = 0
    for batch in batches:
        encodings = {
            modality: (encoding if tokens else _without_tokens(encoding)).to(torch.device("cpu"))
            for modality, encoding in model.encode(batch.to(device)).items()
        }
        samples += len(batch)
        taken += sum(map(_bytes, encodings.values()))
        if taken / samples * of > megabytes * MEGABYTE:
            raise TrainingError(
                f"the features of {of:,} samples take about {taken / samples * of / MEGABYTE:,.0f} "
                f"MB, more than finetune.cache_megabytes={megabytes}; raise it, or leave out "
                "finetune.cache_features"
            )
        yield replace(batch, encodings=encodings)


def joined(batches: Sequence[Batch], *, pad: int) -> Batch:
    """Encoded batches as one. Of what went into the encoders only token ids are kept.

    Args:
        batches: at least one.
        pad: what fills up whole numbers, as token ids, to one length.
    """
    modalities = sorted({modality for batch in batches for modality in batch.inputs})
    targets = sorted({target for batch in batches for target in batch.targets})
    known = sorted({modality for batch in batches for modality in batch.encodings})
    return Batch(
        ids=[id for batch in batches for id in batch.ids],
        inputs={m: _joined_inputs(batches, m, pad) for m in modalities},
        targets={t: _joined([batch.targets[t] for batch in batches], pad) for t in targets},
        sources=[source for batch in batches for source in batch.sources],
        encodings={m: _joined_encodings(batches, m) for m in known},
    )


def _joined_inputs(batches: Sequence[Batch], modality: str, pad: int) -> Inputs:
    there = [batch.inputs[modality] for batch in batches if modality in batch.inputs]
    present = torch.cat(
        [
            batch.inputs[modality].present
            if modality in batch.inputs
            else torch.zeros(len(batch), dtype=torch.bool)
            for batch in batches
        ]
    )
    if any(inputs.values.is_floating_point() or inputs.values.dim() != 2 for inputs in there):
        return Inputs(torch.zeros(int(present.sum()), 0), None, present)
    masks = [
        torch.ones_like(i.values, dtype=torch.bool) if i.mask is None else i.mask for i in there
    ]
    return Inputs(_joined([i.values for i in there], pad), _joined(masks, False), present)


def _joined_encodings(batches: Sequence[Batch], modality: str) -> Encoding:
    like = next(batch.encodings[modality] for batch in batches if modality in batch.encodings)
    parts = [batch.encodings.get(modality) or _absent(like, len(batch)) for batch in batches]
    tokens = Tokens(
        _joined([part.tokens.values for part in parts], 0.0),
        _joined([part.tokens.mask for part in parts], False),
    )
    pooled, present = (
        torch.cat([getattr(p, name) for p in parts]) for name in ("pooled", "present")
    )
    return Encoding(tokens, pooled, present)


def _joined(parts: Sequence[Tensor], pad: float) -> Tensor:
    """[B_i, N_i, ...] -> [B, N, ...], filled up along the second axis."""
    if parts[0].dim() == 1:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    axes = parts[0].dim() - 2
    return torch.cat(
        [F.pad(p, (*[0] * (2 * axes), 0, longest - p.shape[1]), value=pad) for p in parts]
    )


def _absent(like: Encoding, samples: int) -> Encoding:
    """The encoding of samples none of which has the modality."""
    values, mask = like.tokens.values[:1, :0], like.tokens.mask[:1, :0]
    tokens = Tokens(values.expand(samples, -1, -1), mask.expand(samples, -1))
    pooled = torch.zeros_like(like.pooled[:1]).expand(samples, -1)
    return Encoding(tokens, pooled, torch.zeros(samples, dtype=torch.bool))


def _without_tokens(encoding: Encoding) -> Encoding:
    tokens = Tokens(encoding.tokens.values[:, :0], encoding.tokens.mask[:, :0])
    return replace(encoding, tokens=tokens)


def _bytes(encoding: Encoding) -> int:
    return encoding.tokens.values.nbytes + encoding.pooled.nbytes
