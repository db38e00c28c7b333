"""What the tasks read off a model, as plain functions of tensors: the last part of every graph.

Shapes: B samples, D width, E embedding width, C classes or answers, A places of a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sensorium.batch import Encoding, Inputs
from sensorium.encoders.image import ImageEncoder
from sensorium.tasks import (
    Classification,
    Contrastive,
    Mixture,
    QuestionAnswering,
    Regression,
)
from sensorium.tasks.detection import Detection
from sensorium.tasks.grids import grid_of
from sensorium.tasks.matching import Matching
from sensorium.tasks.pairs import Pair, name_of

TRAINING_ONLY = ("masked_language", "masked_image", "masked_audio")
"""Tasks that teach and are not asked."""

Compute = Callable[[Any], tuple[Tensor, ...]]
"""An `Encoding` of one modality, a `Grid`, or what is fused [B, D] -> a tensor for each output."""

NOT_THERE = -20.0
"""Log-odds of every class at a place that lies beside its picture."""


class Grid(NamedTuple):
    """The tokens of pictures [B, D, R, S] at the places of their patches, and which of these are
    real [B, R, S]; None: all."""

    values: Tensor
    real: Tensor | None


@dataclass(frozen=True)
class Output:
    """A tensor that comes out of a graph.

    Attributes:
        name: of it.
        axes: after the first, which is the batch.
        unit: what its numbers are.
        names: along its last axis, where they have any.
    """

    name: str
    axes: tuple[int | str, ...]
    unit: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Head:
    """What one task says, in numbers.

    Attributes:
        task: its name.
        modality: whose encoding it reads; None: what is fused.
        pair: the two modalities that are to be fused for it alone, of tasks about pairs.
        outputs: in the order of `compute`.
        compute: the numbers.
        likely: the same as a person is told them, of scale 1: probabilities, unit vectors, shares.
        grid: whether it reads the `Grid` of a picture in the place of its encoding.
        step: rows and columns of such a grid that may vary have to be multiples of it.
    """

    task: str
    modality: str | None
    pair: Pair | None
    outputs: tuple[Output, ...]
    compute: Compute
    likely: Callable[[Tensor], Tensor]
    grid: bool = False
    step: int = 1


def heads_of(mixture: Mixture) -> list[Head]:
    """Those of all tasks that have any; `unknown_tasks` names the others."""
    return [head for name, task in mixture.tasks.items() for head in _heads(name, task, mixture)]


def unknown_tasks(mixture: Mixture) -> list[str]:
    """Tasks that are asked, but that no graph computes: what they do depends on their own words."""
    known = {head.task for head in heads_of(mixture)}
    return [name for name in mixture.tasks if name not in known and name not in TRAINING_ONLY]


def _heads(name: str, task: Any, mixture: Mixture) -> list[Head]:
    if isinstance(task, Contrastive):
        return [_embedding(name, task, modality) for modality in task.modalities]
    if isinstance(task, Classification):
        one = task.target == "label"
        unit = f"log-odds; {'softmax' if one else 'sigmoid'} gives probabilities"
        output = Output(name, (len(task.classes),), unit, tuple(task.classes))
        compute = partial(_read, task.head, task.modality)
        likely = partial(torch.softmax, dim=1) if one else torch.sigmoid
        return [Head(name, task.modality, None, (output,), compute, likely)]
    if isinstance(task, Regression):
        return [_number(name, task)]
    if isinstance(task, QuestionAnswering):
        answers = tuple(task.answers)
        output = Output(name, (len(answers),), "log-odds; softmax gives probabilities", answers)
        network = torch.nn.Sequential(task.transform, task.head)
        compute, softmax = partial(_read, network, None), partial(torch.softmax, dim=1)
        return [Head(name, None, None, (output,), compute, softmax)]
    if isinstance(task, Matching):
        return [_match(name, task, pair) for pair in task.pairs]
    if isinstance(task, Detection):
        return [_boxes(name, task, mixture)]
    return []


def _read(network: Callable[[Tensor], Tensor], modality: str | None, seen: Any) -> tuple[Tensor]:
    return (network(seen if modality is None else seen.pooled).float(),)


def _embedding(name: str, task: Contrastive, modality: str) -> Head:
    def compute(encoding: Encoding) -> tuple[Tensor]:
        return (task.embed(modality, encoding),)

    unit = "unit vector; products are cosine similarities"
    output = Output(f"{modality}_embedding", (task.width,), unit)
    return Head(name, modality, None, (output,), compute, lambda x: x)


def _number(name: str, task: Regression) -> Head:
    def compute(seen: Any) -> tuple[Tensor]:
        vector = seen if task.modality is None else seen.pooled
        return (task.mean + task.deviation * task.head(vector).float()[:, 0],)

    def share(number: Tensor) -> Tensor:
        return number / task.deviation

    output = Output(name, (), "the number itself, in its own unit")
    return Head(name, task.modality, None, (output,), compute, share)


def _match(name: str, task: Matching, pair: Pair) -> Head:
    head = task.heads[name_of(pair)]

    def compute(vector: Tensor) -> tuple[Tensor]:
        return (head(vector).float()[:, 0],)

    unit = f"log-odds that {pair[0]} and {pair[1]} belong together; sigmoid gives the probability"
    output = Output(f"{name}_{name_of(pair)}", (), unit)
    return Head(name, None, pair, (output,), compute, torch.sigmoid)


def _boxes(name: str, task: Detection, mixture: Mixture) -> Head:
    encoder = mixture.model.encoders["image"]
    assert isinstance(encoder, ImageEncoder), "an encoder is what its name says"

    def compute(grid: Grid) -> tuple[Tensor, Tensor]:
        raw = task.head(grid.values, grid.real)
        if raw.usable is None:
            return raw.logits, raw.boxes
        return raw.logits.masked_fill(~raw.usable[..., None], NOT_THERE), raw.boxes

    classes = tuple(task.classes)
    unit = f"log-odds; sigmoid gives scores; {NOT_THERE:g} beside the picture"
    outputs = (
        Output(f"{name}_logits", ("places", len(classes)), unit, classes),
        Output(f"{name}_boxes", ("places", 4), "left, top, right, bottom in pixels of the input"),
    )
    step = 2 ** max(0, *task.head.pyramid.levels)
    scale = encoder.patch_size
    return Head(name, "image", None, outputs, compute, lambda x: x / scale, grid=True, step=step)


def grid_read(encoder: nn.Module, encoding: Encoding, inputs: Inputs) -> Grid:
    """What a head reads that asks for a grid, of the pictures that are there."""
    assert isinstance(encoder, ImageEncoder), "only pictures have a grid that heads read"
    rows, columns = (side // encoder.patch_size for side in inputs.values.shape[-2:])
    values = grid_of(encoding.tokens.values, rows, columns, inputs.mask)
    return Grid(values, inputs.mask)
