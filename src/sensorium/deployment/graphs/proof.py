"""How far the graphs are from the model, on the same samples, for every subset of the modalities.

Shapes: B samples, P of them with a modality present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import torch
from torch import Tensor

from sensorium.batch import Batch, Encoding, Inputs
from sensorium.deployment.graphs.heads import Grid, Head, grid_read, heads_of
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.model import Model
from sensorium.tasks import Mixture
from sensorium.tasks.pairs import both_present

FLOAT32_TOLERANCE = 1e-4
"""Absolute, of outputs up to 1; of larger ones as much larger."""
INT8_TOLERANCE = 0.1
"""Of embeddings, probabilities and the like, which have scale 1: rounded weights move them, and how
far is for the table to say."""
MIXED = "each sample another subset"
COLUMNS = ("subset", "output", "samples", "largest difference", "tolerance")
"""Of the proof as a table."""


@dataclass(frozen=True)
class Compared:
    """A line of the proof.

    Attributes:
        subset: what the samples had.
        output: what was compared.
        samples: of how many.
        difference: the largest absolute one.
        tolerance: what it may be.
    """

    subset: str
    output: str
    samples: int
    difference: float
    tolerance: float

    @property
    def cells(self) -> list[str]:
        """The line under `COLUMNS`."""
        difference, tolerance = f"{self.difference:.1e}", f"{self.tolerance:.1e}"
        return [self.subset, self.output, str(self.samples), difference, tolerance]

    @property
    def holds(self) -> bool:
        """Whether it is near enough; what is no number is not."""
        return self.difference <= self.tolerance


class Computer(Protocol):
    """What says the numbers of all outputs: the model itself, or its graphs."""

    @property
    def model(self) -> Model:
        """Encodes."""
        ...

    def of_modality(self, modality: str, inputs: Inputs, encoding: Encoding) -> dict[str, Tensor]:
        """What is read of one modality alone, of the P samples that have it."""
        ...

    def of_fused(self, encodings: dict[str, Encoding]) -> dict[str, Tensor]:
        """The fused vector and what is read of it, of B samples."""
        ...


class Eager:
    """The model itself."""

    def __init__(self, mixture: Mixture) -> None:
        self.model, self.heads = mixture.model, heads_of(mixture)

    def of_modality(self, modality: str, inputs: Inputs, encoding: Encoding) -> dict[str, Tensor]:
        rows = encoding.rows(encoding.present.nonzero()[:, 0])
        own = [head for head in self.heads if head.modality == modality]
        said = _said([head for head in own if not head.grid], rows)
        for head in own:
            if head.grid:
                said |= _said([head], grid_read(self.model.encoders[modality], rows, inputs))
        return said

    def of_fused(self, encodings: dict[str, Encoding]) -> dict[str, Tensor]:
        vector = self.model.fuse(encodings).vector
        fused = [head for head in self.heads if head.modality is None]
        return {"fused_vector": vector} | _said(fused, vector)


class OfGraphs:
    """The graphs, whose own outputs count."""

    def __init__(self, mixture: Mixture, graphs: Graphs) -> None:
        self.model, self.graphs = GraphModel(mixture.model, graphs), graphs

    def of_modality(self, modality: str, inputs: Inputs, encoding: Encoding) -> dict[str, Tensor]:
        return self.graphs.encode(modality, inputs.values, inputs.mask)

    def of_fused(self, encodings: dict[str, Encoding]) -> dict[str, Tensor]:
        return self.graphs.fuse(encodings)


def prove(
    mixture: Mixture, graphs: Graphs, batch: Batch, quantized: bool = False
) -> list[Compared]:
    """Compare graphs and model.

    Args:
        mixture: the model with its tasks, on the CPU, in float32.
        graphs: of it.
        batch: samples that have every modality.
        quantized: then what people are told is compared, and not the vectors on the way.
    """
    batch = graphs.whole_steps(batch)
    heads = heads_of(mixture)
    likely = {output.name: head.likely for head in heads for output in head.outputs}
    tolerance = INT8_TOLERANCE if quantized else FLOAT32_TOLERANCE
    compared = []
    for subset, part in subsets_of(batch, mixture.model.widths):
        eager = outputs_of(Eager(mixture), heads, part)
        other = outputs_of(OfGraphs(mixture, graphs), heads, part)
        for name, expected in eager.items():
            got = other[name]
            if quantized and likely and name not in likely:
                continue
            if quantized and name in likely:
                expected, got = likely[name](expected), likely[name](got)
            largest = expected.abs().max().item() if expected.numel() else 1.0
            allowed = tolerance * max(1.0, largest)  # rounding grows with what is rounded
            difference = largest_difference(expected, got)
            compared.append(Compared(subset, name, len(part), difference, allowed))
    return compared


def largest_difference(expected: Tensor, got: Tensor) -> float:
    """The largest absolute one; infinite where the shapes differ or one is no number."""
    if expected.shape != got.shape:
        return float("inf")
    if not expected.numel():
        return 0.0
    return (expected.double() - got.double()).abs().nan_to_num(float("inf")).max().item()


def subsets_of(batch: Batch, modalities: Mapping[str, int]) -> Iterator[tuple[str, Batch]]:
    """The samples with every subset of the modalities, small ones first; then each with another."""
    known = [modality for modality in modalities if modality in batch.inputs]
    batch = batch.without(*(m for m in batch.inputs if m not in known))
    subsets = [s for size in range(1, len(known) + 1) for s in combinations(known, size)]
    for subset in subsets:
        yield " and ".join(subset), batch.without(*(m for m in known if m not in subset))
    if len(subsets) > 1:
        kept = {
            m: torch.tensor([m in subsets[n % len(subsets)] for n in range(len(batch))])
            for m in known
        }
        yield MIXED, batch.keep(kept)


@torch.inference_mode()
def outputs_of(computer: Computer, heads: Sequence[Head], batch: Batch) -> dict[str, Tensor]:
    """Every number that comes out, by its name, of the samples that have what it is about."""
    encodings = computer.model.encode(batch)
    found: dict[str, Tensor] = {}
    for modality, encoding in encodings.items():
        found[f"{modality}_tokens"] = encoding.tokens.values[encoding.tokens.mask]
        found[f"{modality}_pooled"] = encoding.pooled
        own = computer.of_modality(modality, batch.inputs[modality], encoding)
        names = [o.name for head in heads if head.modality == modality for o in head.outputs]
        found |= {name: own[name] for name in names}
    if computer.model.fusion is None or not encodings:
        return found
    fused = computer.of_fused(encodings)
    found["fused_vector"] = fused["fused_vector"]
    for head in heads:
        if head.modality is None and head.pair is None:
            found |= {output.name: fused[output.name] for output in head.outputs}
        elif head.pair is not None and len(rows := both_present(encodings, head.pair)):
            both = computer.of_fused({m: encodings[m].rows(rows) for m in head.pair})
            found |= {output.name: both[output.name] for output in head.outputs}
    return found


def _said(heads: Sequence[Head], seen: Encoding | Grid | Tensor) -> dict[str, Tensor]:
    return {
        output.name: tensor
        for head in heads
        for output, tensor in zip(head.outputs, head.compute(seen), strict=True)
    }
