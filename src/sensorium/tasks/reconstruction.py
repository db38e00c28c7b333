"""Pictures of which most was hidden, for people to see: what was left, and what was made of it.

Where a patch is told without its mean and contrast (`normalise`), it is shown with its own: the
model was never asked for those.

Shapes: P pictures, N patches, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sensorium.batch import Batch
from sensorium.encoders import ImageEncoder
from sensorium.encoders.patched import Patches
from sensorium.model import Model
from sensorium.tasks.masked_patches import MaskedImage, denormalised


@dataclass(frozen=True)
class Reconstruction:
    """One picture three times, uint8 [3, H, W].

    Attributes:
        id: of the sample.
        left: with grey patches where it was hidden.
        told: with what the model told of them.
        whole: as it is.
    """

    id: str
    left: Tensor
    told: Tensor
    whole: Tensor


@torch.no_grad()
def reconstruct(task: MaskedImage, model: Model, batch: Batch) -> list[Reconstruction]:
    """Every picture of a prepared batch, in its order."""
    inputs, encoder = batch.inputs["image"], model.encoders["image"]
    assert isinstance(encoder, ImageEncoder), "pictures have the encoder of pictures"
    patches = encoder.patches_of(inputs)
    guesses = task.guess(model, batch)
    guess = guesses.guess
    if task.normalise:
        guess = denormalised(guess, patches.values[guesses.hidden])
    hidden = guesses.hidden[:, :, None]
    left, told, whole = (
        encoder.pictures_of(Patches(values, patches.grid)).cpu()
        for values in (
            patches.values.masked_fill(hidden, 0.0),
            patches.values.masked_scatter(hidden, guess),
            patches.values,
        )
    )
    rows, columns = _own_sizes(encoder.real_patches(inputs).unflatten(1, patches.grid))
    ids = [id for id, there in zip(batch.ids, inputs.present.tolist(), strict=True) if there]
    found = []
    for number, id in enumerate(ids):
        height, width = (size[number] * encoder.patch_size for size in (rows, columns))
        own = (slice(None), slice(height), slice(width))
        found.append(Reconstruction(id, left[number][own], told[number][own], whole[number][own]))
    return found


def _own_sizes(real: Tensor) -> tuple[list[int], list[int]]:
    """Rows and columns of real patches of each picture, from [P, rows, columns]."""
    return real.any(dim=2).sum(dim=1).tolist(), real.any(dim=1).sum(dim=1).tolist()
