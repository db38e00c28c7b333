"""What a model has of a sample, as pictures: heat lies over these, place by place.

Shapes: F frames of H x W pixels; T frames and M bins of a spectrogram.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data.thumbnail import picture_inside

LOUDEST = 2.0  # of a spectrogram


def seen(sample: Sample) -> dict[str, list[str]]:
    """Modality -> its pictures as data URIs: one, the frames of a video, a sound's spectrogram."""
    return {
        modality: pictures_of(modality, value)
        for modality, value in sample.values.items()
        if modality != "text"
    }


def pictures_of(modality: str, value: Tensor) -> list[str]:
    """The same of one modality: a picture [3, H, W], frames [F, 3, H, W], a spectrogram [T, M]."""
    if modality == "audio":
        value = picture_of_sound(value)
    frames = value if value.dim() == 4 else value[None]
    return [picture_inside(frame, lossless=True) for frame in frames]


def picture_of_sound(spectrogram: Float[Tensor, "T M"]) -> Tensor:
    """uint8 [3, M, T]: time to the right, the highest band on top, the louder the darker."""
    levels = 255 - (spectrogram.T.flip(0) / LOUDEST).clamp(0, 1) * 200
    return levels.to(torch.uint8).expand(3, -1, -1).contiguous()
