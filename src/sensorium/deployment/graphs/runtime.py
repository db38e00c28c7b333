"""Graphs computed by ONNX Runtime, in the place of a model's encoders and fusion.

Everything above a model (tasks, predictor, search) stays as it is: they ask `GraphModel`, and what
comes back is an `Encoding` and a `Fused`, as ever. A graph is run on the rows that are there alone.

Shapes: B samples, P of them with the modality present, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sensorium.batch import Batch, Encoding, Fused, Inputs
from sensorium.data import DataConfig
from sensorium.deployment.graphs.make import FUSED, Graph, as_arguments, graphs_of
from sensorium.deployment.graphs.networks import Parts
from sensorium.deployment.graphs.optional import package
from sensorium.deployment.graphs.own_shape import packed, padded
from sensorium.encoders.encoder import as_encoding
from sensorium.errors import BundleError
from sensorium.model import Model
from sensorium.tasks import Mixture

NO_TOKENS = 2
"""Masked tokens that stand for an absent modality: graphs are traced for no fewer."""


class Graphs:
    """The graphs of a folder, ready to be run, from several threads at once too.

    Args:
        folder: where they lie.
        mixture: the model that they are of.
        data: how its inputs are read.

    Raises:
        BundleError: one is missing, is no graph of this model, or has data elsewhere.
    """

    def __init__(self, folder: Path, mixture: Mixture, data: DataConfig) -> None:
        self.widths = dict(mixture.model.widths)
        self.patch_size = data.image.patch_size
        self.graphs = {graph.name: graph for graph in graphs_of(mixture, data)}
        self._opened = {n: self._open(folder, graph) for n, graph in self.graphs.items()}

    def encode(self, modality: str, values: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
        """All that the graph of a modality says of P values, by the names of its outputs."""
        graph, inputs = self.graphs[modality], [values]
        if len(graph.inputs) > 1:
            inputs.append(self._mask_of(modality, values) if mask is None else mask)
        if graph.own_shape:
            inputs = list(padded(inputs[0], inputs[1], graph.step))
        return self._run(modality, dict(zip(graph.inputs, inputs, strict=True)))

    def _mask_of(self, modality: str, values: Tensor) -> Tensor:
        """The mask of values of which all is real."""
        if modality != "image":
            return values.new_ones(values.shape[:2], dtype=torch.bool)
        sides = (side // self.patch_size for side in values.shape[2:])
        return values.new_ones((len(values), *sides), dtype=torch.bool)

    def whole_steps(self, batch: Batch) -> Batch:
        """The batch, with pictures of their own shape padded as their graph takes them, so that
        what is said of every place can be compared."""
        graph, inputs = self.graphs.get("image"), batch.inputs.get("image")
        if graph is None or inputs is None or not graph.own_shape:
            return batch
        mask = self._mask_of("image", inputs.values) if inputs.mask is None else inputs.mask
        values, mask = padded(inputs.values, mask, graph.step)
        return replace(
            batch, inputs={**batch.inputs, "image": replace(inputs, values=values, mask=mask)}
        )

    def fuse(self, encodings: Mapping[str, Encoding]) -> dict[str, Tensor]:
        """All that the fused graph says of B samples, of those modalities that are there."""
        samples = len(next(iter(encodings.values())).present)
        parts: dict[str, Parts] = {}
        for modality, width in self.widths.items():
            if modality in encodings:
                e = encodings[modality]
                parts[modality] = (e.tokens.values, e.tokens.mask, e.pooled, e.present)
            else:
                nobody = torch.zeros(samples, dtype=torch.bool)
                none = torch.zeros(samples, NO_TOKENS, width)
                parts[modality] = (none, none[..., 0].bool(), none[:, 0], nobody)
        return self._run(FUSED, as_arguments(parts))

    def _open(self, folder: Path, graph: Graph) -> Any:
        return _session(folder, graph)

    def _run(self, name: str, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        outputs = self.graphs[name].outputs
        arrays = {n: x.contiguous().numpy() for n, x in inputs.items()}
        found = self._opened[name].run(list(outputs), arrays)
        return {n: torch.from_numpy(x) for n, x in zip(outputs, found, strict=True)}


class GraphModel(Model):
    """A model whose encoders and fusion are graphs.

    Graphs have no gradient: where one is asked for, as for an explanation, it is the model itself
    that computes, whose weights are the same.
    """

    def __init__(self, model: Model, graphs: Graphs) -> None:
        super().__init__(model.encoders, model.fusion)
        self.graphs = graphs

    def encode_modality(
        self, modality: str, inputs: Inputs, generator: torch.Generator | None = None
    ) -> Encoding:
        if inputs.values.requires_grad:
            return super().encode_modality(modality, inputs, generator)
        once, place = inputs.distinct()
        found = self.graphs.encode(modality, once.values, once.mask)
        tokens, mask = found[f"{modality}_tokens"], found[f"{modality}_tokens_mask"]
        if self.graphs.graphs[modality].own_shape:
            tokens, mask = packed(tokens, mask)
        return as_encoding(tokens, mask, found[f"{modality}_pooled"], place, inputs.present)

    def fuse(self, encodings: dict[str, Encoding]) -> Fused:
        if any(encoding.pooled.requires_grad for encoding in encodings.values()):
            return super().fuse(encodings)
        if self.fusion is None or not encodings:
            return super().fuse(encodings)  # which says what is wrong
        return Fused({}, self.graphs.fuse(encodings)["fused_vector"])


def _session(folder: Path, graph: Graph) -> Any:
    path = folder / graph.file
    runtime, onnx = package("onnxruntime"), package("onnx")
    try:
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, several
        raise BundleError(f"{path} is no ONNX graph: {error}") from error
    if any(tensor.data_location or tensor.external_data for tensor in _tensors(model)):
        raise BundleError(f"{path} has data outside of its file, which no bundle may have")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:  # of the runtime, many
        raise BundleError(f"{path} is no graph that can be run: {error}") from error
    names = tuple(one.name for one in session.get_inputs())
    outputs = tuple(one.name for one in session.get_outputs())
    if names != graph.inputs or outputs != graph.outputs:
        raise BundleError(
            f"{path} is not of this model: expected {', '.join(graph.inputs)} -> "
            f"{', '.join(graph.outputs)}, got {', '.join(names)} -> {', '.join(outputs)}"
        )
    return session


def _tensors(model: Any) -> Iterator[Any]:
    """Every constant of a graph, in its subgraphs and functions too."""
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _tensors_of_node(node)


def _tensors_of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _tensors_of_node(node)


def _tensors_of_node(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield attribute.t
        yield from attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from _tensors_of_graph(graph)
