"""Whole runs that learn to write: what they say, how they go on, and what their report shows."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.labelled import labelled_tree, write_labelled
from tests.pairs import read_rows, tiny_tree, write_pairs, write_rows

from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.training.loop import Loop
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.pretrain import pretrain

DECODER = {"width": 32, "depth": 1, "heads": 2}


def metrics_of(folder: Path) -> dict[str, float]:
    summary = Run.open(folder).summary()
    assert summary is not None
    return summary["metrics"]


def colours(folder: Path) -> Path:
    """Pictures of one colour each, whose captions say it in two ways."""
    write_pairs(folder, train=24)
    for name in ("train.jsonl", "test.jsonl"):
        rows = read_rows(folder / name)
        for row in rows:
            colour = row["text"].split()[1]
            row["text"] = [f"a {colour} thing", f"something {colour}"]
        write_rows(folder / name, rows)
    return folder


def caption_tree(data: Path, **train: Any) -> dict[str, Any]:
    """One encoder, no fusion, one task."""
    tree = tiny_tree(data, **train)
    tree["data"]["image"]["augment"] = {}
    tree["model"] = {
        "encoders": {"image": {"width": 32, "depth": 1, "heads": 2, "patch_size": 4}},
        "fusion": None,
    }
    tree["tasks"] = {"captioning": {"decoder": DECODER}}
    return tree


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run long enough to learn; its data in `data` beside it. Do not change it."""
    folder = tmp_path_factory.mktemp("captioned")
    tree = caption_tree(
        colours(folder / "data"), steps=250, learning_rate=2e-3, modality_dropout=0.2
    )
    return pretrain(Recipe.model_validate(tree), run_dir=folder / "run").run


def test_what_is_seen_is_put_into_words(captioned: Run) -> None:
    metrics = metrics_of(captioned.folder)
    assert metrics["test/captioning/exact_match"] == 1.0  # either way of saying it is right
    assert metrics["test/captioning/cider"] > 2 * metrics["test/captioning/cider_without_image"]
    assert metrics["test/captioning/accuracy"] > metrics["test/captioning/accuracy_without_image"]


def test_the_report_shows_what_was_written(captioned: Run) -> None:
    page = (captioned.folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>Captioning" in page
    assert "something green" in page
    assert "CIDEr" in page


def test_the_folder_alone_judges_the_same_again(captioned: Run) -> None:
    before = metrics_of(captioned.folder)
    assert evaluate(captioned.folder)["metrics"] == pytest.approx(before)


def test_a_batch_in_parts_is_a_batch(tmp_path: Path) -> None:
    data = colours(tmp_path / "data")
    weights = []
    for parts in (1, 4):
        tree = caption_tree(data, steps=3, accumulate=parts)
        run = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / f"{parts}").run
        weights.append(run.mixture(torch.device("cpu"))[0].state_dict())
    for whole, in_parts in zip(*(w.values() for w in weights), strict=True):
        torch.testing.assert_close(in_parts, whole, atol=1e-4, rtol=1e-3)


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = colours(tmp_path / "data")
    tree = caption_tree(data, steps=6, checkpoint_every_steps=2, modality_dropout=0.3)
    whole = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "whole").run
    step = Loop.step

    def breaks(self: Loop, *batch: Any) -> Any:
        if self.state.step == 3:
            raise KeyboardInterrupt
        return step(self, *batch)

    monkeypatch.setattr(Loop, "step", breaks)
    with pytest.raises(KeyboardInterrupt):
        pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "stopped")
    monkeypatch.undo()
    pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "stopped", resume=True)
    assert metrics_of(tmp_path / "stopped") == metrics_of(whole.folder)


def test_questions_are_answered_in_words(tmp_path: Path) -> None:
    tree = labelled_tree(write_labelled(tmp_path / "data"), steps=200, learning_rate=2e-3)
    tree["tasks"] = {"answer_generation": {"decoder": DECODER}}
    tree["data"]["fields"] = {
        name: column
        for name, column in tree["data"]["fields"].items()
        if name not in ("label", "number")
    }
    run = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run").run
    metrics = metrics_of(run.folder)
    of_colour = metrics["test/answer_generation/accuracy_of_colour"]
    assert of_colour >= 0.75  # there are four colours
    assert of_colour > metrics["test/answer_generation/accuracy_without_image"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "which colour is it" in page
