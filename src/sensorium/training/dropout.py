"""Modality dropout: in training a sample now and then lacks what it has.

A model that is to be used with some modalities missing has to have seen that in training.

Shapes: M modalities, B samples.

Source: Neverova et al. 2016, "ModDrop".
"""

from __future__ import annotations

import torch

from sensorium.batch import Batch


def drop_modalities(batch: Batch, share: float, generator: torch.Generator) -> Batch:
    """The batch without some of what its samples have, but never without all that one has.

    Args:
        batch: as loaded.
        share: probability with which each modality of each sample is dropped; 0 draws nothing.
        generator: on the batch's device.
    """
    if not share or not batch.inputs:
        return batch
    present = torch.stack([inputs.present for inputs in batch.inputs.values()])  # [M, B]
    draw = torch.rand(present.shape, generator=generator, device=present.device)
    draw = draw.masked_fill(~present, -1.0)
    kept = (draw >= share) | (draw == draw.amax(dim=0))
    return batch.keep(dict(zip(batch.inputs, kept & present, strict=True)))
