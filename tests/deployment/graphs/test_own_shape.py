"""Pictures of their own shape go through one graph, whatever their shapes are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.conftest import LEARNED, WORDS, small_model
from tests.deployment.graphs.test_proof import DATA, wrong

from sensorium.batch import Batch, Inputs
from sensorium.deployment.graphs.make import write_graphs
from sensorium.deployment.graphs.own_shape import positions_in_graph
from sensorium.deployment.graphs.proof import prove
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.layers.patches import positions_of_grids
from sensorium.model import ModelConfig
from sensorium.tasks import Mixture, TasksConfig, build_mixture

PATCH = 4
SHAPES = ((4, 4), (2, 5), (5, 2), (3, 3), (1, 1), (4, 3))
"""Rows and columns of patches; what the positions are for is 4 x 4."""
NATIVE = DATA.model_copy(
    update={"image": DATA.image.model_copy(update={"fit": "native", "patch_size": PATCH})}
)


def grids(shapes: tuple[tuple[int, int], ...]) -> torch.Tensor:
    rows, columns = (max(sides) for sides in zip(*shapes, strict=True))
    mask = torch.zeros(len(shapes), rows, columns, dtype=torch.bool)
    for number, (own_rows, own_columns) in enumerate(shapes):
        mask[number, :own_rows, :own_columns] = True
    return mask


def pictures(shapes: tuple[tuple[int, int], ...] = SHAPES) -> Batch:
    mask = grids(shapes)
    chance = torch.Generator().manual_seed(0)
    sides = (side * PATCH for side in mask.shape[1:])
    pixels = torch.randint(0, 256, (len(shapes), 3, *sides), generator=chance)
    seen = mask.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)[:, None]
    inputs = Inputs((pixels * seen).to(torch.uint8), mask, torch.ones(len(shapes)).bool())
    return Batch([str(number) for number in range(len(shapes))], {"image": inputs})


def test_positions_are_those_of_the_encoder() -> None:
    learned = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    mask = grids((*SHAPES, (9, 13), (11, 1)))
    expected = positions_of_grids(learned, (4, 4), mask)
    torch.testing.assert_close(positions_in_graph(learned, (4, 4), mask), expected)


def test_graphs_say_what_the_model_says_of_any_shapes(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    encoder = {"width": 16, "depth": 1, "heads": 2, "patch_size": PATCH}
    image = encoder | {"pooling": "class", "stem_widths": [8]}
    model = small_model(ModelConfig.model_validate({"encoders": {"image": image}}))
    tasks = TasksConfig(detection={"width": 16, "depth": 0, "levels": [-1, 1]})  # traced sooner
    mixture = build_mixture(tasks, model, vocabulary=WORDS, learned=LEARNED).eval()
    write_graphs(mixture, NATIVE, tmp_path)
    graphs = Graphs(tmp_path, mixture, NATIVE)
    proof = prove(mixture, graphs, pictures())
    assert {"detection_logits", "detection_boxes"} <= {line.output for line in proof}
    assert not wrong(proof)
    of_graphs = Mixture(GraphModel(mixture.model, graphs), mixture.tasks, mixture.weights)
    for batch in (pictures(), pictures(((3, 5), (3, 5)))):
        with torch.no_grad():
            told, said = mixture.tell(batch), of_graphs.tell(batch)
        for one, other in zip(told, said, strict=True):
            assert one["detection"]["labels"] == other["detection"]["labels"]
            assert one["detection"]["scores"] == pytest.approx(
                other["detection"]["scores"], abs=1e-5
            )
