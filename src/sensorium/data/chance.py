"""What changes samples at random in training, by its key, with what turns it off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sensorium.data.columns import NAMES
from sensorium.data.settings import DataConfig

_PICTURE: Mapping[str, Any] = {
    "shift": 0.0,
    "scale": (1.0, 1.0),
    "flip": 0.0,
    "flip_vertical": 0.0,
    "colour_jitter": 0.0,
    "randaugment_operations": 0,
}
_SOUND: Mapping[str, Any] = {
    "shift_seconds": 0.0,
    "gain_decibels": 0.0,
    "speed": 0.0,
    "tilt_decibels": 0.0,
    "noise_ratio_decibels": None,
    "frequency_masks": 0,
    "time_masks": 0,
}
STILL = {"image": _PICTURE, "video": _PICTURE, "audio": _SOUND}
"""Modality -> settings of its `augment` with which it changes nothing."""


def chance(config: DataConfig, modalities: Iterable[str]) -> Iterator[str]:
    """Settings, as `data.image.augment.flip=0`, that would leave nothing to chance; none where
    nothing is left to it. Longer recordings are cut at random all the same.

    Args:
        config: of the data.
        modalities: those that the model sees.
    """
    for modality in modalities:
        for key, still in STILL.get(modality, {}).items():
            if getattr(getattr(config, modality).augment, key) != still:
                yield f"data.{modality}.augment.{key}={_in_yaml(still)}"
    if "video" in modalities and config.video.sampling != "uniform":
        yield "data.video.sampling=uniform"
    said = [config.fields, *(place.fields for place in config.places("train"))]
    for fields in said:
        for name, columns in (fields or {}).items():
            if name in NAMES and isinstance(columns, list) and len(columns) > 1:
                yield f"data.fields.{name}={columns[0]}"


def _in_yaml(value: Any) -> str:
    if value is None:
        return "null"
    return str(list(value)) if isinstance(value, tuple) else f"{value:g}"
