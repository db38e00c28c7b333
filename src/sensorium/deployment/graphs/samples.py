"""Samples to compare graphs and model on: real values where the data is there, else made ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from sensorium.batch import Batch, Sample
from sensorium.data import DataConfig, Modality, Tokenizer, collate

SAMPLES = 8


def batch_of(
    found: Iterable[Sample],
    modalities: Iterable[str],
    inputs: Mapping[str, Modality],
    data: DataConfig,
    tokenizer: Tokenizer,
) -> tuple[Batch, list[str]]:
    """Samples that have every modality, put together anew from the values that were found.

    Args:
        found: any samples; there may be none.
        modalities: that each is to have.
        inputs: know how to pad them.
        data: says the shapes of values that have to be made.
        tokenizer: of the texts.

    Returns:
        The samples, and the modalities whose values had to be made.
    """
    pools: dict[str, list[Tensor]] = {modality: [] for modality in modalities}
    for sample in found:
        for modality, pool in pools.items():
            if modality in sample.values and len(pool) < SAMPLES:
                pool.append(sample.values[modality])
        if all(len(pool) == SAMPLES for pool in pools.values()):
            break
    if data.image.fit == "native" and "image" in pools:
        pools["image"] = [_cut(one, n, data) for n, one in enumerate(pools["image"])]
    made = [modality for modality, pool in pools.items() if not pool]
    chance = torch.Generator().manual_seed(0)
    for modality in made:
        pools[modality] = [_made(modality, data, tokenizer, chance) for _ in range(SAMPLES)]
    samples = [
        Sample(str(number), {m: pool[number % len(pool)] for m, pool in pools.items()})
        for number in range(SAMPLES)
    ]
    return collate(samples, inputs), made


def _cut(picture: Tensor, number: int, data: DataConfig) -> Tensor:
    """Some patches less at the right and below, by its number, so that shapes differ."""
    patch = data.image.patch_size
    height, width = (
        max(side - less * patch, min(side, 2 * patch))
        for side, less in zip(picture.shape[1:], (number % 3, number // 3), strict=True)
    )
    return picture[:, :height, :width]


def _made(modality: str, data: DataConfig, tokenizer: Tokenizer, chance: torch.Generator) -> Tensor:
    """Noise in the form of a value, of any length that is allowed."""

    def length(most: int, least: int = 1) -> int:
        return int(torch.randint(least, most + 1, (), generator=chance))

    if modality == "image":
        return _pixels((3, data.image.size, data.image.size), chance)
    if modality == "video":
        frames = length(data.video.frames)
        return _pixels((frames, 3, data.video.size, data.video.size), chance)
    if modality == "audio":
        return torch.randn(length(data.audio.frames), data.audio.mel_bins, generator=chance)
    words = (length(data.text.context_tokens, least=3) - 2,)
    ids = torch.randint(0, tokenizer.size, words, generator=chance)
    return torch.tensor([tokenizer.start, *ids.tolist(), tokenizer.end])


def _pixels(shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    return torch.randint(0, 256, shape, generator=chance).to(torch.uint8)
