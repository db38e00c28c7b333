"""Whole runs that learn targets: what they reach, how they go on, and what their folder tells."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.labelled import labelled_tree, write_labelled
from tests.pairs import read_rows, write_rows

from sensorium.errors import DataError, TrainingError
from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.training.loop import Loop
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.index import index
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import pretrain

STEPS = 6


def metrics_of(folder: Path) -> dict[str, float]:
    summary = Run.open(folder).summary()
    assert summary is not None
    return summary["metrics"]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run long enough to learn; its data in `data` beside it. Do not change it."""
    folder = tmp_path_factory.mktemp("learnt")
    tree = labelled_tree(write_labelled(folder / "data"), steps=80, learning_rate=3e-3)
    return pretrain(Recipe.model_validate(tree), run_dir=folder / "run").run


def test_what_is_seen_is_learned(learnt: Run) -> None:
    metrics = metrics_of(learnt.folder)
    assert metrics["test/classification/accuracy"] == 1.0
    assert metrics["test/classification/f1_macro"] == 1.0
    assert metrics["test/classification/accuracy_majority"] == 0.25
    assert metrics["test/regression/r2"] > 0.5
    assert metrics["test/regression/mae"] < metrics["test/regression/mae_mean"]
    of_types = {"accuracy_of_colour", "accuracy_of_yes or no"}
    assert of_types < {name.split("/")[2] for name in metrics}
    assert metrics["test/question_answering/accuracy_of_colour"] > 0.8


def test_blind_figures_stand_beside(learnt: Run) -> None:
    summary = Run.open(learnt.folder).summary()
    assert summary is not None
    withheld = summary["withheld"]["test"]
    name = "question_answering/accuracy_of_colour"
    assert withheld["image"][name] < summary["metrics"][f"test/{name}"]


def test_the_folder_alone_is_enough(learnt: Run) -> None:
    learned = json.loads((learnt.folder / "targets.json").read_text())
    assert learned["label"]["names"] == ["blue", "green", "grey", "red"]
    assert learned["label"]["rows"] == [6, 6, 6, 6]
    train = learnt.folder.parent / "data/train.jsonl"
    kept, before = train.read_text(), metrics_of(learnt.folder)
    train.unlink()
    try:
        assert evaluate(learnt.folder)["metrics"] == before
    finally:
        train.write_text(kept)


def test_other_data_are_judged_by_the_targets_that_they_have(learnt: Run, tmp_path: Path) -> None:
    data = learnt.folder.parent / "data"
    rows = [
        {**row, "file_name": str(data / row["file_name"])} for row in read_rows(data / "test.jsonl")
    ]
    for row in rows:
        del row["answer"], row["brightness"]
    write_rows(tmp_path / "other.jsonl", rows)
    before = metrics_of(learnt.folder)
    summary = evaluate(learnt.folder, data=tmp_path / "other.jsonl", split="other")
    own = {name for name in summary["metrics"] if name.startswith("other/")}
    assert {name.split("/")[1] for name in own} == {"classification"}
    accuracy = summary["metrics"]["other/classification/accuracy"]
    assert accuracy == before["test/classification/accuracy"]
    named = learnt.folder / "evaluation_quarantine.jsonl"
    assert not named.exists()
    notes: list[str] = []
    listeners = Listeners(on_note=notes.append)
    write_rows(tmp_path / "other.jsonl", [{**rows[0], "colour": "pink"}, *rows * 9])
    evaluate(learnt.folder, data=tmp_path / "other.jsonl", split="other", listeners=listeners)
    assert [line["id"] for line in read_rows(named)] == ["other.jsonl:1"]
    assert notes[-1].startswith("1 of 109 rows is broken and left out; the first: other.jsonl:1: ")
    write_rows(tmp_path / "bare.jsonl", [{"file_name": row["file_name"]} for row in rows])
    with pytest.raises(
        DataError, match=r"bare\.jsonl has nothing that the tasks of .* can be judged"
    ):
        evaluate(learnt.folder, data=tmp_path / "bare.jsonl", split="bare")


def weights(folder: Path) -> bytes:
    return (folder / f"checkpoints/step-{STEPS:08d}/weights.safetensors").read_bytes()


@pytest.mark.parametrize(
    "train",
    ["train.jsonl", {"path": "train.jsonl", "stream": True}, ["train.jsonl", "more.jsonl"]],
)
def test_a_run_that_was_cut_off_ends_with_the_same_bits(
    tmp_path: Path, train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_labelled(tmp_path / "data")
    write_rows(data / "more.jsonl", read_rows(data / "train.jsonl")[::-1])
    tree = labelled_tree(data, steps=STEPS, checkpoint_every_steps=2, threads=1, moving_average=0.5)
    tree["data"]["train"] = train
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    pretrain(Recipe.model_validate(tree), run_dir=whole)
    step = Loop.step

    def fail(self: Loop, batch: Any) -> Any:
        if self.state.step == 5:
            raise TrainingError("cut off")
        return step(self, batch)

    monkeypatch.setattr(Loop, "step", fail)
    with pytest.raises(TrainingError, match="cut off"):
        pretrain(Recipe.model_validate(tree), run_dir=cut)
    monkeypatch.undo()
    pretrain(Run.open(cut).recipe, run_dir=cut, resume=True)
    assert weights(cut) == weights(whole)
    assert metrics_of(cut) == metrics_of(whole)
    assert evaluate(cut)["metrics"] == metrics_of(whole)


def test_an_index_needs_no_target(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "data")
    tree = labelled_tree(data, steps=2)
    tree["tasks"] |= {"contrastive": {"width": 8}}
    pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    rows = [
        {"file_name": row["file_name"], "question": "x"} for row in read_rows(data / "test.jsonl")
    ]
    write_rows(data / "bare.jsonl", rows)
    told: list[str] = []
    listeners = Listeners(on_note=told.append)
    made = index(tmp_path / "run", data / "bare.jsonl", listeners=listeners)
    assert (made.samples, made.quarantined) == (12, 0)
    assert not [note for note in told if "label" in note]


def test_a_start_that_failed_leaves_no_targets(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "data")
    tree = labelled_tree(data, steps=2)
    tree["data"]["classes"] = ["blue", "green", "grey", "pink"]
    with pytest.raises(DataError, match=r"no row of train\.jsonl has the class 'pink' that"):
        pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    assert not (tmp_path / "run/targets.json").exists()


def test_the_report_tells_classes_calibration_and_the_worst_mistakes(learnt: Run) -> None:
    summary = evaluate(learnt.folder)
    metrics, intervals = summary["metrics"], summary["intervals"]
    for name in ("classification/accuracy", "regression/mae", "question_answering/accuracy"):
        low, high = intervals[f"test/{name}"]
        assert low <= metrics[f"test/{name}"] <= high
    assert summary["classes"]["test"]["classification"]["red"]["support"] == 3
    assert sum(summary["calibration"]["test"]["question_answering"]["counts"]) == 12
    page = (learnt.folder / "report.html").read_text(encoding="utf-8")
    for part in ("Classes: classification", "Right by how sure", "Most wrong: regression"):
        assert part in page
    assert "Most wrong: classification" not in page  # nothing is
    assert 'class="detail"' in page


def test_questions_that_several_people_answered_are_judged_by_all(
    learnt: Run, tmp_path: Path
) -> None:
    data = learnt.folder.parent / "data"
    rows = [
        {**row, "file_name": str(data / row["file_name"]), "answer": [row["answer"], "nothing"]}
        for row in read_rows(data / "test.jsonl")
    ]
    write_rows(tmp_path / "crowd.jsonl", rows)
    summary = evaluate(learnt.folder, data=tmp_path / "crowd.jsonl", split="crowd")
    metrics = summary["metrics"]
    soft = metrics["crowd/question_answering/soft_accuracy"]
    assert soft == metrics["test/question_answering/accuracy"] / 2
    assert "crowd/question_answering/soft_accuracy" in summary["intervals"]
    assert "test/question_answering/soft_accuracy" not in metrics


def test_mixed_pictures_teach_classes_too(tmp_path: Path) -> None:
    """Beside tasks that see them whole, in parts of a batch, with pictures that are missing."""
    data = write_labelled(tmp_path / "data")
    rows = read_rows(data / "train.jsonl")
    for row in rows[::5]:
        del row["file_name"]
    write_rows(data / "train.jsonl", rows)
    tree = labelled_tree(data, steps=30, accumulate=2, learning_rate=3e-3)
    tree["data"]["required"] = []
    mixing = {"mixup": 0.4, "cutmix": 1.0, "modality": "image", "label_smoothing": 0.1}
    classes = {"class_weights": "balanced", **mixing}
    tree["tasks"] = {"classification": classes, "regression": {}}
    pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    assert metrics_of(tmp_path / "run")["test/classification/accuracy"] > 0.5
