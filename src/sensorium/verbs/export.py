"""A run as a folder that needs nothing else, with graphs for other programs, proved equal to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from sensorium.batch import Batch, Sample
from sensorium.data import BrokenSample, open_splits
from sensorium.deployment.bundle.card import card
from sensorium.deployment.bundle.manifest import Manifest, Quantization
from sensorium.deployment.bundle.recipe import BundleRecipe, Plan
from sensorium.deployment.bundle.signature import signature_of
from sensorium.deployment.bundle.write import write_manifest, write_model, written_aside
from sensorium.deployment.graphs.make import Graph, write_graphs
from sensorium.deployment.graphs.programs import Programs, write_programs
from sensorium.deployment.graphs.proof import Compared, prove
from sensorium.deployment.graphs.quantize import quantize as quantize_graph
from sensorium.deployment.graphs.runtime import Graphs
from sensorium.deployment.graphs.samples import batch_of
from sensorium.deployment.trained import Trained
from sensorium.errors import DataError, ExportError
from sensorium.run import Run, versions
from sensorium.tasks import Mixture
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.open_run import open_run

Target = Literal["bundle", "onnx", "torch"]
TARGETS: tuple[Target, ...] = ("bundle", "onnx", "torch")


@dataclass(frozen=True)
class Exported:
    """What `export` made.

    Attributes:
        folder: the bundle.
        files: their sizes in bytes.
        proof: how far graphs and model are apart; nothing where there are no graphs.
    """

    folder: Path
    files: dict[str, int]
    proof: list[Compared]


def export(
    run: str | Path,
    *,
    to: str = "bundle",
    out: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    quantize: Quantization | None = None,
    licence: str | None = None,
    listeners: Listeners | None = None,
) -> Exported:
    """Write a run's model as a bundle.

    Args:
        run: the run folder.
        to: `bundle`, weights for this library; `onnx`, graphs beside them, for any other program;
            `torch`, programs of torch.export beside them, for whoever has torch alone.
        out: where; by default `RUN/bundle`, `RUN/onnx`, `RUN/onnx-int8` or `RUN/torch`. A bundle
            there is replaced.
        tasks: those that go along; None takes all.
        quantize: `int8` rounds the weights of graphs.
        licence: a sentence for the model card.
        listeners: who is told of progress.

    Raises:
        SensoriumError: no such run or task, a model that cannot be a graph, or graphs that say
            anything else than the model; then nothing is written.
    """
    kind = next((target for target in TARGETS if target == to), None)
    if kind is None:
        raise ExportError(f"expected --to {', '.join(TARGETS)}, got {to!r}")
    if quantize is not None and to != "onnx":
        raise ExportError("--quantize rounds the weights of graphs; add --to onnx")
    listeners = listeners or Listeners()
    opened = Run.open(run)
    trained = open_run(opened.folder, torch.device("cpu"))
    chosen = _chosen(trained, tasks)
    recipe = opened.recipe
    parts = BundleRecipe.of(recipe.name, trained.data, recipe.model, recipe.tasks, chosen)
    plan, mixture = Plan(parts, trained.tokenizer, trained.learned), _only(trained.mixture, chosen)
    folder = Path(out) if out else opened.folder / (f"onnx-{quantize}" if quantize else to)
    with written_aside(folder) as aside:
        write_model(aside, plan, mixture)
        graphs: list[Graph] = []
        proof: list[Compared] = []
        if kind != "bundle":
            write = write_graphs if kind == "onnx" else write_programs
            graphs = write(mixture, trained.data, aside)
            proof = _proved(opened, trained, mixture, graphs, aside, quantize, listeners)
            _write_json(aside / "proof.json", [asdict(line) for line in proof])
        signature = signature_of(mixture, trained.data, trained.tokenizer, graphs)
        _write_json(aside / "signature.json", signature)
        text = card(parts, opened.summary(), opened.facts(), proof, licence)
        (aside / "README.md").write_text(text, encoding="utf-8")
        empty = Manifest(
            kind=kind, quantized=quantize, name=recipe.name, versions=versions(), files={}
        )
        manifest = write_manifest(aside, empty)
    return Exported(folder, {n: entry.bytes for n, entry in manifest.files.items()}, proof)


def _chosen(trained: Trained, tasks: Sequence[str] | None) -> list[str]:
    known = list(trained.mixture.tasks)
    if unknown := [task for task in tasks or () if task not in known]:
        raise ExportError(
            f"{', '.join(unknown)}: this run has no such task; it has {', '.join(known)}"
        )
    return [task for task in known if tasks is None or task in tasks]


def _only(mixture: Mixture, tasks: Sequence[str]) -> Mixture:
    """The same model with some of its tasks."""
    kept = {name: task for name, task in mixture.tasks.items() if name in tasks}
    weights = {name: mixture.weights[name] for name in kept}
    return Mixture(mixture.model, kept, weights, mixture.sources).eval()


def _proved(
    run: Run,
    trained: Trained,
    mixture: Mixture,
    graphs: Sequence[Graph],
    folder: Path,
    quantize: Quantization | None,
    listeners: Listeners,
) -> list[Compared]:
    """The comparison of graphs and model, every line of which holds."""
    if quantize is not None:
        for graph in graphs:
            quantize_graph(folder / graph.file)
    batch = _samples(run, trained, listeners)
    read = Graphs if graphs[0].suffix == ".onnx" else Programs
    read_again = read(folder, mixture, trained.data)
    proof = prove(mixture, read_again, batch, quantized=quantize is not None)
    wrong = [line for line in proof if not line.holds]
    if wrong:
        worst = max(wrong, key=lambda line: line.difference)
        raise ExportError(
            f"nothing was written: the graphs do not say what the model says. {worst.output}, of "
            f"samples with {worst.subset}, differs by {worst.difference:.1e}, more than the "
            f"{worst.tolerance:.0e} allowed; and {len(wrong) - 1} more of {len(proof)} lines"
        )
    return proof


def _samples(run: Run, trained: Trained, listeners: Listeners) -> Batch:
    modalities = trained.mixture.model.widths
    batch, made = batch_of(
        _of_sets(run, trained), modalities, trained.inputs, trained.data, trained.tokenizer
    )
    if made:
        listeners.on_note(
            f"the run's sets have no {' or '.join(made)} to compare on (any more): made ones serve"
        )
    return batch


def _of_sets(run: Run, trained: Trained) -> Iterator[Sample]:
    """Samples that the run is judged on, as long as somebody asks; none where they are gone."""
    data = trained.data.model_copy(update={"cache_megabytes": 0, "required": []})
    for split in ("test", "validation"):
        try:
            splits = open_splits(
                data, run.recipe.seed, None, trained.tokenizer, [split], learned=trained.learned
            )
        except (DataError, OSError):
            continue
        dataset = splits.test if split == "test" else splits.validation
        for row in range(0 if dataset is None else len(dataset)):
            assert dataset is not None, "it has rows"
            try:
                yield dataset.sample(row, 0)
            except BrokenSample:
                continue


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
