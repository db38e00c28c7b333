"""Pairs of modalities: which of them a task is about, and which samples have both of one.

Shapes: B batch, K <= B samples with both modalities, P rows in which a modality is present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Bool, Int
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.batch import Batch, Inputs
from sensorium.tasks.task import TaskConfig

Pair = tuple[str, str]

VALUES_AT_A_TIME = 4_000_000  # while keys are computed, each of them takes eight bytes


class PairsConfig(TaskConfig):
    """A task on pairs of modalities."""

    pairs: tuple[Pair, ...] | None = Field(None, min_length=1)
    """The pairs, as in [[image, text], [audio, text]]; left out, every pair of the modalities that
    the model has an encoder for."""

    @field_validator("pairs")
    @classmethod
    def _pairs_are_two_and_named_once(cls, pairs: tuple[Pair, ...] | None) -> Any:
        seen = set()
        for a, b in pairs or ():
            if a == b:
                raise ValueError(f"expected two different modalities in a pair, got {a} twice")
            if frozenset((a, b)) in seen:
                raise ValueError(f"the pair of {a} and {b} is named twice")
            seen.add(frozenset((a, b)))
        return pairs

    def pairs_of(self, modalities: Iterable[str]) -> tuple[Pair, ...]:
        """The pairs for a model of these modalities."""
        return tuple(combinations(modalities, 2)) if self.pairs is None else self.pairs

    def problems(self, modalities: list[str]) -> Iterator[str]:
        has = f"but model.encoders has only {', '.join(modalities) or 'none'}"
        if self.pairs is None and len(modalities) < 2:
            yield f"needs two modalities to pair, {has}"
        named = dict.fromkeys(modality for pair in self.pairs or () for modality in pair)
        for modality in named:
            if modality not in modalities:
                yield f"needs the modality {modality}, {has}"


def name_of(pair: Pair) -> str:
    """`image_and_text`, as modules and figures of the pair are named."""
    return f"{pair[0]}_and_{pair[1]}"


def both_present(encodings_or_inputs: Mapping[str, Any], pair: Pair) -> Int[Tensor, " K"]:
    """Indices of the samples that have both modalities."""
    a, b = (encodings_or_inputs.get(m) for m in pair)
    if a is None or b is None:
        return torch.zeros(0, dtype=torch.long)
    return (a.present & b.present).nonzero()[:, 0]


def comparable_keys(batch: Batch, modality: str) -> Int[Tensor, " B"]:
    """`item_keys` by sample; 0 where the modality is absent, or cannot be compared in training.

    Token ids can be compared; what is changed at random, as pixels, cannot.
    """
    inputs = batch.inputs.get(modality)
    if inputs is None or inputs.values.is_floating_point() or inputs.values.dim() != 2:
        return torch.zeros(len(batch), dtype=torch.long)
    return spread_keys(inputs)


def same_items(keys: Int[Tensor, "K 2"], others: Int[Tensor, "M 2"]) -> Bool[Tensor, "K M"]:
    """Which samples hold the same item in either modality of a pair, by their comparable keys.

    Two pictures under one caption are no negatives of each other, and calling them so teaches the
    model a falsehood.
    """
    return ((keys[:, None] == others[None, :]) & (keys[:, None] != 0)).any(dim=2)


def spread_keys(inputs: Inputs) -> Int[Tensor, " B"]:
    """`item_keys` by sample; 0 where the modality is absent."""
    keys = torch.zeros(len(inputs.present), dtype=torch.long, device=inputs.present.device)
    keys[inputs.present] = item_keys(inputs)
    return keys


def item_keys(inputs: Inputs) -> Int[Tensor, " P"]:
    """A number for each present row: equal items have equal numbers, whatever pads them.

    It is the sum of the values, as integers, each times a fixed random number of its place, modulo
    2^64; two different items agree by accident about once in 10^19 times.
    """
    values = inputs.values
    if values.is_floating_point():
        values = values.float().contiguous().view(torch.int32)
    flat = values.flatten(1)
    real = None if inputs.mask is None else _as_wide(inputs.mask, values).flatten(1)
    draw = torch.Generator().manual_seed(0)
    factors = torch.randint(-(2**62), 2**62, (flat.shape[1],), generator=draw).to(flat.device)
    keys = []
    step = max(1, VALUES_AT_A_TIME // max(1, flat.shape[1]))
    for start in range(0, len(flat), step):
        terms = (flat[start : start + step].long() + 1) * factors
        if real is not None:
            terms = terms.masked_fill(~real[start : start + step], 0)
        keys.append(terms.sum(dim=1))
    return torch.cat(keys) if keys else torch.zeros(0, dtype=torch.long, device=flat.device)


def _as_wide(mask: Tensor, values: Tensor) -> Tensor:
    """The mask [P, N] for every value [P, N, ...]."""
    return mask.view(*mask.shape, *[1] * (values.dim() - mask.dim())).expand_as(values)
