"""`sensorium export`: one folder that answers as the run does, and what it refuses."""

import json

import jaxtyping
import pytest
from tests.conftest import Command

import sensorium as library
from sensorium.errors import ExportError
from sensorium.run import Run
from sensorium.verbs.export import export


@pytest.fixture(autouse=True)
def shapes_of_graphs_are_no_numbers():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_graphs_answer_as_the_run_does(sensorium: Command, trained: Run, tmp_path):
    pytest.importorskip("onnxruntime")
    out = tmp_path / "graphs"
    answer = sensorium("export", trained.folder, "--to", "onnx", "--out", out, "--licence", "MIT")
    assert answer.status == 0, answer.err
    assert "fused_vector" in answer.out
    named = {path.name for path in out.iterdir()}
    assert {"image.onnx", "text.onnx", "fused.onnx", "weights.safetensors", "README.md"} <= named
    signature = json.loads((out / "signature.json").read_text())
    (image,) = signature["graphs"]["image.onnx"]["inputs"]
    assert (image["name"], image["dtype"], image["shape"]) == (
        "image",
        "uint8",
        ["batch", 3, 16, 16],
    )
    assert {"image_embedding", "matching_image_and_text"} <= {
        o["name"] for o in signature["outputs"]
    }
    card = (out / "README.md").read_text()
    assert "MIT" in card
    assert "test/matching/accuracy" in card
    for path in out.iterdir():
        assert str(trained.folder.parent).encode() not in path.read_bytes(), path.name
    row = {"image": trained.folder.parent / "data" / "3.png", "text": "a red thing"}
    of_run, of_graphs = (library.load(folder).predict(**row) for folder in (trained.folder, out))
    assert of_run.keys() == of_graphs.keys()
    for task, told in of_run.items():
        assert told == pytest.approx(of_graphs[task], abs=1e-4)
    why, of_graphs_why = (library.load(folder).explain(**row) for folder in (trained.folder, out))
    assert why.keys() == of_graphs_why.keys()


def test_a_bundle_of_some_tasks(trained, tmp_path):
    made = export(trained.folder, out=tmp_path / "bundle", tasks=["contrastive"])
    assert made.files["weights.safetensors"]
    assert made.proof == []
    told = library.load(made.folder).predict(
        image=trained.folder.parent / "data" / "3.png", text="a red thing"
    )
    assert told.keys() == {"contrastive"}
    again = export(trained.folder, out=tmp_path / "bundle")
    assert set(library.load(again.folder).mixture.tasks) == set(
        library.load(trained.folder).mixture.tasks
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"to": "tensorflow"}, "expected --to bundle, onnx, torch, got 'tensorflow'"),
        ({"quantize": "int8"}, "--quantize rounds the weights of graphs; add --to onnx"),
        ({"tasks": ["sing"]}, "sing: this run has no such task; it has contrastive"),
    ],
)
def test_what_cannot_be_exported_says_why(trained, tmp_path, settings, said):
    with pytest.raises(ExportError, match=said):
        export(trained.folder, out=tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(trained, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ExportError, match="is not empty and is no bundle"):
        export(trained.folder, out=tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"
