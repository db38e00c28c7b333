"""Graphs say what the model says, for every subset of the modalities and any number of samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.conftest import (
    CONTEXT_TOKENS,
    FRAMES,
    IMAGE_SIZE,
    MEL_BINS,
    VIDEO_SIZE,
    small_batch,
    small_mixture,
    small_model,
    small_model_config,
)

from sensorium.data import DataConfig
from sensorium.deployment.graphs.make import write_graphs
from sensorium.deployment.graphs.proof import MIXED, Compared, largest_difference, prove
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.errors import BundleError, ExportError
from sensorium.tasks import Mixture

pytest.importorskip("onnxruntime")

DATA = DataConfig.model_validate(
    {
        "image": {"size": IMAGE_SIZE, "patch_size": 4},
        "text": {"context_tokens": CONTEXT_TOKENS},
        "video": {"size": VIDEO_SIZE, "frames": FRAMES},
        "audio": {"mel_bins": MEL_BINS, "seconds": 0.2},
    }
)
EVERYBODY = [True] * 8
ALL = ("contrastive", "matching", "classification", "regression", "question_answering")


def proof_of(mixture: Mixture, folder: Path, **present: list[bool]) -> list[Compared]:
    mixture = mixture.eval()
    write_graphs(mixture, DATA, folder)
    return prove(mixture, Graphs(folder, mixture, DATA), small_batch(8, **present))


def wrong(proof: list[Compared]) -> list[Compared]:
    return [line for line in proof if not line.holds]


def test_every_task_and_every_subset(tmp_path):
    model = small_model(small_model_config("cross_attention", depth=1))
    mixture = small_mixture(*ALL, model=model).eval()
    proof = proof_of(mixture, tmp_path)
    assert {line.subset for line in proof} == {"image", "text", "image and text", MIXED}
    assert not wrong(proof)
    said = {line.output for line in proof if line.subset == MIXED}
    assert {"image_embedding", "text_embedding", "fused_vector", "matching_image_and_text"} <= said
    assert {"classification", "regression", "question_answering", "text_tokens"} <= said
    the_tasks_say_the_same(mixture, Graphs(tmp_path, mixture, DATA))
    data_elsewhere_is_refused(mixture, tmp_path)


def the_tasks_say_the_same(mixture: Mixture, graphs: Graphs) -> None:
    """Also of samples of which each has something else."""
    batch = small_batch(4, image=[True, False, True, False], text=[True, True, False, False])
    with torch.no_grad():
        told = mixture.tell(batch)
        of_graphs = Mixture(GraphModel(mixture.model, graphs), mixture.tasks, mixture.weights)
        said = of_graphs.tell(batch)
    for one, other in zip(told, said, strict=True):
        assert one.keys() == other.keys()
        assert one.get("contrastive") == pytest.approx(other.get("contrastive"), abs=1e-4)
        assert one.get("matching") == pytest.approx(other.get("matching"), abs=1e-4)
        for task in one.keys() & {"classification", "question_answering"}:
            assert one[task]["probabilities"] == pytest.approx(
                other[task]["probabilities"], abs=1e-4
            )


def data_elsewhere_is_refused(mixture: Mixture, folder: Path) -> None:
    """An ONNX file may point at any other file of the machine."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(folder / "fused.onnx")
    tensor = graph.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (folder / "fused.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(BundleError, match="has data outside of its file"):
        Graphs(folder, mixture, DATA)
    (folder / "fused.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match="is no ONNX graph"):
        Graphs(folder, mixture, DATA)


def test_sounds_and_videos(tmp_path):
    modalities = ("text", "audio", "video")
    model = small_model(small_model_config("concat", modalities=modalities, depth=1))
    mixture = small_mixture("question_answering", model=model)
    proof = proof_of(mixture, tmp_path, audio=EVERYBODY, video=EVERYBODY)
    assert len({line.subset for line in proof}) == 2**3 - 1 + 1
    assert not wrong(proof)


def test_boxes(tmp_path):
    config = small_model_config("concat", modalities=("image",), depth=1)
    model = small_model(config.model_copy(update={"fusion": None}))
    proof = proof_of(small_mixture("detection", model=model), tmp_path)
    assert {"detection_logits", "detection_boxes"} <= {line.output for line in proof}
    assert not wrong(proof)


def test_what_no_graph_can_take_is_refused_and_named(tmp_path):
    mixture = small_mixture("captioning", "contrastive")
    with pytest.raises(ExportError, match=r"captioning cannot be a graph.*--tasks contrastive"):
        write_graphs(mixture, DATA, tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_difference_that_is_no_number_does_not_hold():
    nothing = torch.full((2,), float("nan"))
    assert largest_difference(torch.zeros(2), nothing) == float("inf")
    assert largest_difference(torch.zeros(2), torch.zeros(3)) == float("inf")
    assert largest_difference(torch.zeros(2), torch.tensor([0.0, -0.5])) == 0.5
