"""Samples -> one batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sensorium.batch import Batch, Inputs, Sample


def collate(samples: list[Sample], pad: int) -> Batch:
    """Put samples side by side; each modality holds only the rows that have it.

    Args:
        samples: at least one. A modality that none of them has is left out.
        pad: the id that fills short texts up to the longest of the batch.
    """
    modalities = sorted({modality for sample in samples for modality in sample.values})
    return Batch(
        ids=[sample.id for sample in samples],
        inputs={modality: _inputs(samples, modality, pad) for modality in modalities},
        targets={
            name: torch.stack([sample.targets[name] for sample in samples])
            for name in samples[0].targets
        },
    )


def _inputs(samples: list[Sample], modality: str, pad: int) -> Inputs:
    values = [sample.values[modality] for sample in samples if modality in sample.values]
    present = torch.tensor([modality in sample.values for sample in samples])
    if values[0].dim() > 1:
        return Inputs(torch.stack(values), mask=None, present=present)
    return Inputs(pad_sequence(values, batch_first=True, padding_value=pad), _mask(values), present)


def _mask(sequences: list[Tensor]) -> Tensor:
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return torch.arange(int(lengths.max())) < lengths[:, None]
