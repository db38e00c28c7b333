"""A model -> its parts, ready to be traced, and these as ONNX files, of any number of samples and
any length.

Weights lie inside the files, so that a bundle has no data outside of what its manifest names.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sensorium.data import DataConfig
from sensorium.deployment.graphs.heads import Head, heads_of, unknown_tasks
from sensorium.deployment.graphs.networks import EncoderNetwork, FusedNetwork, Parts
from sensorium.deployment.graphs.optional import package, quiet
from sensorium.deployment.graphs.own_shape import OwnShapeNetwork
from sensorium.encoders import AudioEncoder
from sensorium.encoders.image import ImageEncoder
from sensorium.errors import ExportError
from sensorium.tasks import Mixture

FUSED = "fused"
LARGEST_FILE = 2**31 - 1
"""Bytes that an ONNX file may have with its weights inside."""
EXAMPLES = 3
"""Samples and steps in what a graph is traced with; neither is in the graph."""
PARTS = ("tokens", "mask", "pooled", "present")


@dataclass(frozen=True)
class Graph:
    """One of the graphs.

    Attributes:
        name: of the modality, or `fused`.
        inputs: names, in order.
        outputs: the same.
        heads: what it computes of the tasks.
        suffix: of its file.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    heads: tuple[Head, ...]
    suffix: str = ".onnx"

    @property
    def file(self) -> str:
        return self.name + self.suffix

    @property
    def own_shape(self) -> bool:
        """Whether it takes pictures of their own shape."""
        return self.name == "image" and len(self.inputs) > 1

    @property
    def step(self) -> int:
        """Rows and columns of patches of such pictures are multiples of it, padding included."""
        return max([1, *(head.step for head in self.heads)])


def graphs_of(mixture: Mixture, data: DataConfig) -> list[Graph]:
    """The graphs that a model has whose inputs are read as `data` says."""
    heads = heads_of(mixture)
    graphs = []
    for modality in mixture.model.widths:
        own = tuple(head for head in heads if head.modality == modality)
        whole = modality == "image" and data.image.fit != "native"
        inputs = (modality,) if whole else (modality, f"{modality}_mask")
        outputs = [f"{modality}_{part}" for part in ("tokens", "tokens_mask", "pooled")]
        graphs.append(Graph(modality, inputs, (*outputs, *_names(own)), own))
    if mixture.model.fusion is not None:
        own = tuple(head for head in heads if head.modality is None)
        parts = [part_name(m, part) for m in mixture.model.widths for part in PARTS]
        graphs.append(Graph(FUSED, tuple(parts), ("fused_vector", *_names(own)), own))
    return graphs


def part_name(modality: str, part: str) -> str:
    """As the outputs of the encoders' graphs are called, which go into the fused one."""
    return f"{modality}_tokens_mask" if part == "mask" else f"{modality}_{part}"


@dataclass(frozen=True)
class Traceable:
    """A part of a model, ready to be traced.

    Attributes:
        graph: that it becomes.
        network: on the CPU, in float32 and evaluation mode.
        arguments: what it is traced with, by name.
        shapes: which of their axes may have any length.
    """

    graph: Graph
    network: nn.Module
    arguments: dict[str, Any]
    shapes: dict[str, Any]


def traceables_of(mixture: Mixture, data: DataConfig) -> Iterator[Traceable]:
    """Every part of a model.

    Raises:
        ExportError: names the tasks, or the form of the inputs, that no graph can take.
    """
    _check(mixture)
    for graph in graphs_of(mixture, data):
        if graph.name == FUSED:
            network: nn.Module = FusedNetwork(mixture.model, graph.heads)
            arguments, shapes = _fused_example(mixture)
        else:
            encoder = mixture.model.encoders[graph.name]
            longest = _longest_sound(encoder, data) if isinstance(encoder, AudioEncoder) else None
            if graph.own_shape:
                assert isinstance(encoder, ImageEncoder), "an encoder is what its name says"
                network = OwnShapeNetwork(encoder, graph.heads)
            else:
                network = EncoderNetwork(mixture.model, graph.name, graph.heads, longest)
            arguments, shapes = _encoder_example(graph, data, longest)
        yield Traceable(graph, network.eval(), arguments, shapes)


def write_graphs(mixture: Mixture, data: DataConfig, folder: Path) -> list[Graph]:
    """Write the graphs of a model as ONNX.

    Raises:
        ExportError: as `traceables_of`, or for weights too large for a file.
    """
    graphs = []
    for part in traceables_of(mixture, data):
        _write(part, folder / part.graph.file)
        graphs.append(part.graph)
    return graphs


def _names(heads: Sequence[Head]) -> list[str]:
    return [output.name for head in heads for output in head.outputs]


def _check(mixture: Mixture) -> None:
    if unknown := unknown_tasks(mixture):
        known = sorted({head.task for head in heads_of(mixture)})
        others = f"`--tasks {','.join(known)}` leaves them out; " if known else ""
        raise ExportError(
            f"{', '.join(unknown)} cannot be a graph: what is written, or found, depends on what "
            f"was written before, or on fused tokens. {others}`--to bundle` takes every task"
        )


def _longest_sound(encoder: AudioEncoder, data: DataConfig) -> int:
    """Frames of all windows that evaluation may see of a sound."""
    window = encoder.window_patches * encoder.patch_frames
    return window * -(-data.audio.evaluation_crops * data.audio.frames // window)


def _encoder_example(
    graph: Graph, data: DataConfig, longest: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an encoder is traced with, and which of its axes may have any length."""
    modality, B, batch = graph.name, EXAMPLES, torch.export.Dim("batch")
    if graph.own_shape:
        step, patch = graph.step, data.image.patch_size
        mask = torch.ones(B, 2 * step, 3 * step, dtype=torch.bool)
        picture = torch.zeros(B, 3, 2 * step * patch, 3 * step * patch, dtype=torch.uint8)
        rows, columns = (step * torch.export.Dim(f"image_{name}") for name in ("rows", "columns"))
        pixels = {0: batch, 2: patch * rows, 3: patch * columns}
        axes: dict[int, Any] = {0: batch, 1: rows, 2: columns}
        return {"values": picture, "mask": mask}, {"values": pixels, "mask": axes}
    if modality == "image":
        size = data.image.size
        picture = torch.zeros(B, 3, size, size, dtype=torch.uint8)
        return {"values": picture}, {"values": {0: batch}}
    if modality == "text":
        values, most = torch.zeros(B, EXAMPLES, dtype=torch.long), data.text.context_tokens
    elif modality == "video":
        size, most = data.video.size, data.video.frames
        frames = min(EXAMPLES, most)
        values = torch.zeros(B, frames, 3, size, size, dtype=torch.uint8)
    else:
        assert longest is not None, "sounds are padded"
        values, most = torch.zeros(B, EXAMPLES, data.audio.mel_bins), longest
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    axes = {0: batch}
    if most > 2:
        axes[1] = torch.export.Dim(f"{modality}_length", max=most)
    return {"values": values, "mask": mask}, {"values": axes, "mask": axes}


def _fused_example(mixture: Mixture) -> tuple[dict[str, Any], dict[str, Any]]:
    B, batch = EXAMPLES, torch.export.Dim("batch")
    parts: dict[str, Parts] = {}
    shapes: dict[str, Any] = {}
    for number, (modality, width) in enumerate(mixture.model.widths.items()):
        length, axis = EXAMPLES + number, torch.export.Dim(f"{modality}_tokens_length")
        real, there = torch.ones(B, length).bool(), torch.ones(B).bool()
        parts[modality] = torch.zeros(B, length, width), real, torch.zeros(B, width), there
        long = {0: batch, 1: axis}
        shapes[modality] = (long, long, {0: batch}, {0: batch})
    return {"parts": parts}, {"parts": shapes}


def _write(part: Traceable, path: Path) -> None:
    onnx = package("onnx")
    package("onnxscript")
    size = sum(x.numel() * x.element_size() for x in part.network.state_dict().values())
    if size > LARGEST_FILE:
        raise ExportError(
            f"the weights of {part.graph.name} have {size:,} bytes, more than one ONNX file may "
            f"hold ({LARGEST_FILE:,}); `--to bundle` takes them"
        )
    with warnings.catch_warnings(), quiet("torch.onnx"), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            part.network,
            kwargs=part.arguments,
            dynamo=True,
            dynamic_shapes=part.shapes,
            input_names=list(part.graph.inputs),
            output_names=list(part.graph.outputs),
            external_data=False,
            verbose=False,
        )
    assert program is not None, "the exporter gives one"
    model = program.model_proto
    _forget_origin(model)
    onnx.save(model, path)


def _forget_origin(model: Any) -> None:
    """Without the lines of code that every node came from, and where these lay."""
    for part in (model, model.graph, *model.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in nodes:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]


def as_arguments(parts: Mapping[str, Parts]) -> dict[str, Tensor]:
    """What goes into the fused graph, by the names of its inputs."""
    return {
        part_name(modality, part): tensor
        for modality, tensors in parts.items()
        for part, tensor in zip(PARTS, tensors, strict=True)
    }
