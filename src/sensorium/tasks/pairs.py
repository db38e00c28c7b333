"""Pairs of modalities: which of them a task is about, and which samples have both of one.

Shapes: B batch, K <= B samples with both modalities, P rows in which a modality is present.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field, field_validator
from torch import Tensor

from sensorium.batch import Batch, Inputs
from sensorium.tasks.claim import Claim, Encodings, Unit
from sensorium.tasks.task import Encoded, TaskConfig, Told, as_figure

Pair = tuple[str, str]

VALUES_AT_A_TIME = 4_000_000  # while keys are computed, each of them takes eight bytes
ODD_NUMBERS = (
    -0x61C8864680B583EB,
    -0x40A7B892E31B1A47,
    -0x6B2FB644ECCEEE15,
    0x2545F4914F6CDD1D,
)  # of SplitMix64 and xorshift*: Steele et al. 2014, Vigna 2016


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


class PairsTold:
    """What a person is told of samples: a figure for each pair that a sample has.

    Attributes:
        samples: of each, name of the pair -> figure; None where it has no pair.
    """

    def __init__(self, samples: int) -> None:
        self.samples: list[Told | None] = [None] * samples

    def add(self, pair: Pair, rows: Int[Tensor, " K"], figures: Float[Tensor, " K"]) -> None:
        """The figures of the samples `rows` that have a pair."""
        for row, figure in zip(rows.tolist(), figures.tolist(), strict=True):
            told = self.samples[row] or {}
            self.samples[row] = told | {name_of(pair): as_figure(figure)}


def claim_of_pair(
    pair: Pair,
    encoded: Encoded,
    unit: Unit,
    figure: Callable[[Encodings], Tensor],
    *,
    of_several: bool,
) -> Claim:
    """That the two of a pair belong together; zero where one of them is missing.

    Args:
        pair: of which some sample has both.
        encoded: what is known of the samples.
        unit: of the figure.
        figure: of views whose two modalities these are.
        of_several: whether the task knows other pairs.
    """
    there = [both.item() for both in _both(encoded.encodings, pair)]
    said = ["belong together" if both else None for both in there]

    def both_seen(encodings: Encodings, rows: Tensor) -> Tensor:
        figures = figure({m: encodings[m] for m in pair})
        return figures.where(_both(encodings, pair), 0.0)

    return Claim(name_of(pair) if of_several else "", said, unit, pair, both_seen, of_pair=True)


def _both(encodings: Encodings, pair: Pair) -> Bool[Tensor, " B"]:
    return encodings[pair[0]].present & encodings[pair[1]].present


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

    It is the sum of the values, as integers, each times a random-looking number of its place,
    modulo 2^64; two different items agree by accident about once in 10^19 times.
    """
    values = inputs.values
    if values.is_floating_point():
        values = values.float().contiguous().view(torch.int32)
    factors = _factors(values.shape[1:]).to(values.device)
    real = None if inputs.mask is None else real_values(inputs.mask, values)
    keys = [torch.zeros(0, dtype=torch.long, device=values.device)]
    step = max(1, VALUES_AT_A_TIME // max(1, factors.numel()))
    for start in range(0, len(values), step):
        terms = (values[start : start + step].long() + 1) * factors
        if real is not None:
            terms = terms.masked_fill(~real[start : start + step], 0)
        keys.append(terms.flatten(1).sum(dim=1))
    return torch.cat(keys)


def _factors(shape: torch.Size) -> Tensor:
    """A random-looking int64 for every place in a value, the same however far others pad it."""
    places = torch.full(shape, 1)
    for axis, size in enumerate(shape):
        along = torch.arange(size) * ODD_NUMBERS[axis]
        places += along.view(-1, *[1] * (len(shape) - axis - 1))
    for odd in ODD_NUMBERS[:3]:  # each round spreads every bit further, as in SplitMix64
        places = (places ^ (places >> 29)) * odd
    return places


def real_values(mask: Tensor, values: Tensor) -> Tensor:
    """The mask, of steps [P, N] or of patches [P, rows, columns], as wide as the values.

    Patches are those of pictures [P, 3, H, W], of which each has as many pixels.
    """
    if mask.dim() == 3:
        height, width = (values.shape[2 + i] // mask.shape[1 + i] for i in range(2))
        pixels = mask.repeat_interleave(height, dim=1).repeat_interleave(width, dim=2)
        return pixels[:, None].expand_as(values)
    return mask.view(*mask.shape, *[1] * (values.dim() - mask.dim())).expand_as(values)
