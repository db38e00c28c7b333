"""A model -> its parts as programs of torch.export, for whoever has torch but not this library.

    program = torch.export.load("image.pt2").module()
    tokens, real, pooled, embedding = program(values=pixels)

Inputs are called `values` and `mask`, those of the fused program `parts`: modality -> its tokens,
which of them are real, its vector, and who has it. Outputs come in the order of `signature.json`.

torch reads these files through pickle, which can run anything that whoever wrote a file likes. So
this library reads none but those that it has just written, to prove them; a bundle with programs
is computed from its weights, as one without.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensorium.data import DataConfig
from sensorium.deployment.graphs.make import FUSED, PARTS, Graph, part_name, traceables_of
from sensorium.deployment.graphs.optional import quiet
from sensorium.deployment.graphs.runtime import Graphs
from sensorium.tasks import Mixture


def write_programs(mixture: Mixture, data: DataConfig, folder: Path) -> list[Graph]:
    """Write the parts of a model.

    Raises:
        ExportError: as `traceables_of`.
    """
    written = []
    for part in traceables_of(mixture, data):
        graph = as_program(part.graph)
        with warnings.catch_warnings(), quiet("torch"), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter about itself
            program = torch.export.export(
                part.network, (), part.arguments, dynamic_shapes=part.shapes, strict=False
            )
            for node in program.graph.nodes:  # without the lines of code that it came from
                node.meta.pop("stack_trace", None)
            torch.export.save(program, folder / graph.file)
        written.append(graph)
    return written


def as_program(graph: Graph) -> Graph:
    """The same graph, in the file of a program."""
    return replace(graph, suffix=".pt2")


class Programs(Graphs):
    """The programs of a folder, in the place of its graphs. Only for files of one's own."""

    def _open(self, folder: Path, graph: Graph) -> Any:
        return torch.export.load(folder / as_program(graph).file).module()

    def _run(self, name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        arguments: dict[str, Any] = dict(zip(("values", "mask"), inputs.values(), strict=False))
        if name == FUSED:
            parts = {m: tuple(inputs[part_name(m, part)] for part in PARTS) for m in self.widths}
            arguments = {"parts": parts}
        with torch.no_grad():
            found = self._opened[name](**arguments)
        return dict(zip(self.graphs[name].outputs, found, strict=True))
