"""Samples -> one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sensorium.batch import Batch, Inputs, Sample
from sensorium.data.modalities import Modality
from sensorium.data.targets import Target


def collate(
    samples: Sequence[Sample],
    modalities: Mapping[str, Modality],
    targets: Mapping[str, Target] | None = None,
) -> Batch:
    """Put samples side by side; each modality holds only the rows that have it.

    Args:
        samples: at least one. A modality that none of them has is left out.
        modalities: know how to pad their values.
        targets: the same; every sample has all of them.
    """
    there = sorted({name for sample in samples for name in sample.values})
    return Batch(
        ids=[sample.id for sample in samples],
        inputs={name: _inputs(samples, name, modalities[name]) for name in there},
        targets={
            name: target.collate([sample.targets[name] for sample in samples])
            for name, target in (targets or {}).items()
        },
        sources=[sample.source for sample in samples] if samples[0].source else (),
    )


def _inputs(samples: Sequence[Sample], name: str, modality: Modality) -> Inputs:
    values = [sample.values[name] for sample in samples if name in sample.values]
    present = torch.tensor([name in sample.values for sample in samples])
    padded, mask = modality.collate(values)
    return Inputs(padded, mask, present, _items(values))


def _items(values: Sequence[Tensor]) -> Tensor | None:
    """A number for each value, equal for those that lie in the same memory; None where none do.

    What is kept in memory, and what was just decoded, is given out as it is; what is changed at
    random is a copy.
    """
    numbers: dict[Any, int] = {}
    items = [
        numbers.setdefault((value.data_ptr(), value.shape, value.stride()), len(numbers))
        for value in values
    ]
    return torch.tensor(items) if len(numbers) < len(values) else None
