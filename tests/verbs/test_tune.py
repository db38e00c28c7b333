"""A search trains trials on equal terms, survives a kill, and judges its best on the test set."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Command
from tests.pairs import tiny_tree, write_pairs, write_recipe

from sensorium.errors import RecipeError, RunError
from sensorium.recipe import load_recipe
from sensorium.run import Run
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.study import OpenTrial, Study
from sensorium.verbs.terms import make_terms, settle
from sensorium.verbs.trials import Trials
from sensorium.verbs.tune import Tuned, tune

pytest.importorskip("optuna")
SPACE = {"train.learning_rate": "log:1e-4..1e-1", "fusion": "cross_attention,gated"}
TRIALS = 2


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    data = write_pairs(folder / "data", train=24)
    tree = tiny_tree(data, steps=8, checkpoint_every_steps=2, validate_every_steps=4, threads=1)
    tree["data"]["validation_share"] = 0.3
    return write_recipe(folder / "tiny.yaml", tree | {"seed": 4})


@pytest.fixture(scope="module")
def tuned(recipe: Path) -> Tuned:
    """A search that nothing stopped. Do not change it."""
    return tune(recipe, search=SPACE, trials=TRIALS, budget="100%", run_dir=recipe.parent / "done")


def weights(folder: Path) -> dict[str, bytes]:
    (checkpoint,) = (folder / "checkpoints").glob("step-*")
    return {path.name: path.read_bytes() for path in checkpoint.glob("*.safetensors")}


def facts_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "search.json").read_text(encoding="utf-8"))


def test_every_trial_has_a_run_of_its_values_and_its_figure(tuned):
    facts = tuned.facts
    assert facts == {k: v for k, v in facts_in(tuned.folder).items() if k != "settled"}
    assert [one["number"] for one in facts["trials"]] == list(range(TRIALS))
    for one in facts["trials"]:
        run = Run.open(tuned.folder / f"trial-{one['number']:03d}")
        summary = run.summary()
        assert run.recipe.train.learning_rate == one["values"]["train.learning_rate"]
        assert run.recipe.model.fusion.name == one["values"]["model.fusion"]
        assert one["figure"] == summary["metrics"]["validation/matching/accuracy"]
        assert len(one["on_the_way"]) == 2
        assert list(summary["judged_samples"]) == ["validation"]
        assert "test" not in run.facts()["fingerprints"]
    assert facts["left_out"].keys() == {"masked_language"}


def test_the_recipes_own_values_are_tried_first(tuned):
    first, *others = tuned.facts["trials"]
    assert first["own"]
    assert first["values"] == {"train.learning_rate": 1e-3, "model.fusion": "cross_attention"}
    assert not any(one["own"] for one in others)


def test_the_best_is_judged_on_the_test_set_and_can_be_typed(tuned, recipe):
    facts = tuned.facts
    best = Run.open(tuned.folder / "best")
    figures = [one["figure"] for one in facts["trials"]]
    assert facts["best"]["figure"] == max(figures) == figures[facts["ranking"][0]]
    assert best.recipe.data.test is not None
    assert facts["test"]["matching/accuracy"] == best.summary()["metrics"]["test/matching/accuracy"]
    assert any("on the test set" in sentence for sentence in facts["verdict"])
    program, verb, said, *overrides = shlex.split(facts["command"])
    assert (program, verb) == ("sensorium", "pretrain")
    again = load_recipe(said, overrides)
    values = facts["best"]["values"]
    assert again.train.learning_rate == values["train.learning_rate"]
    assert again.model.fusion.name == values["model.fusion"]


def test_the_page_shows_every_trial(tuned):
    page = (tuned.folder / "report.html").read_text(encoding="utf-8")
    for one in tuned.facts["trials"]:
        assert f'href="trial-{one["number"]:03d}/report.html"' in page
    assert "What is best for tiny?" in page
    assert page.count("<polyline") == 1 + TRIALS
    assert "<script" not in page


def test_a_search_that_was_killed_goes_on_exactly(recipe, tuned, sensorium: Command):
    folder = recipe.parent / "killed"
    arguments = ["compare", recipe, "--trials", TRIALS, "--budget", "100%", "--run-dir", folder]
    arguments += [f"--search={key}={where}" for key, where in SPACE.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorium", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / "trial-001/checkpoints/step-00000002").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert Run.open(folder / "trial-001").summary() is None, "it had ended before it was killed"
    answer = sensorium(*arguments)
    assert answer.status == 0, answer.err
    assert "train with the best: sensorium pretrain" in answer.out
    assert facts_in(folder)["trials"] == tuned.facts["trials"]
    for number in range(TRIALS):
        name = f"trial-{number:03d}"
        assert weights(folder / name) == weights(tuned.folder / name)


def test_more_trials_are_added_and_a_done_search_trains_nothing(recipe, tuned):
    folder = shutil.copytree(tuned.folder, recipe.parent / "more")
    trained: list[int] = []
    asked = {
        "search": SPACE,
        "budget": "100%",
        "run_dir": folder,
        "listeners": Listeners(on_training=lambda progress: trained.append(progress.step)),
    }
    assert tune(recipe, trials=TRIALS, **asked).facts == tuned.facts
    assert not trained
    more = tune(recipe, trials=TRIALS + 1, **asked)
    assert trained
    assert more.facts["trials"][:TRIALS] == tuned.facts["trials"]
    assert len(more.facts["trials"]) == TRIALS + 1


def test_another_search_or_another_thing_is_left_alone(recipe, tuned, tmp_path):
    other = SPACE | {"train.learning_rate": "0.1,0.2"}
    with pytest.raises(RunError, match=r"a search for something else \(search\.train\.learning_"):
        tune(recipe, search=other, budget="100%", run_dir=tuned.folder)
    with pytest.raises(RunError, match=r"for something else \(recipe\.train\.steps\)"):
        tune(recipe, search=SPACE, budget="50%", run_dir=tuned.folder)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is not empty and is no search"):
        tune(recipe, search=SPACE, run_dir=tmp_path, overwrite=True)


class Impatient(Study):
    """Has every trial end at its first validation."""

    def next(self, most: int) -> OpenTrial | None:
        trial = super().next(most)
        if trial is not None:
            told = trial.report
            trial.report = lambda validation, figure: told(validation, figure) or validation == 1
        return trial


def test_a_pruned_trial_keeps_its_figures_and_not_its_weights(recipe, tmp_path):
    terms = make_terms(recipe, ["train.steps=8"], SPACE, None)
    study = Impatient(tmp_path, terms.space, 4, lower_is_better=False)
    trials = Trials(tmp_path, study, "tiny", terms.tree, 0, 1, None, True, Listeners())
    assert trials.train(lambda: None) is None
    (one,) = study.tried()
    assert (one.state, len(one.on_the_way)) == ("pruned", 1)
    assert not (tmp_path / "trial-000/checkpoints").exists()
    rows = (tmp_path / "trial-000/metrics.jsonl").read_text().splitlines()
    assert sum("validation/matching/accuracy" in row for row in rows) == 1


def test_a_length_in_epochs_is_validated_eight_times_too(recipe, tmp_path):
    """Of 24 rows 16 are trained on, four at a time: 16 epochs of 4 steps."""
    length = ["train.steps=null", "train.epochs=16", "train.validate_every_steps=null"]
    terms = make_terms(recipe, length, SPACE, None)
    settled: dict[str, Any] = {}
    tree = settle(terms, settled, Listeners())
    assert settled["rows"] == 16
    study = Study(tmp_path, terms.space, 4, lower_is_better=False)
    trials = Trials(tmp_path, study, "tiny", tree, 16, 1, None, True, Listeners())
    trial = study.next(1)
    assert trials.recipe_of(trial).train.validate_every_steps == 8
    trials = replace(trials, tree=tree | {"train": tree["train"] | {"validate_every_steps": 5}})
    assert trials.recipe_of(trial).train.validate_every_steps == 5


def test_a_trial_that_cannot_be_trained_fails_alone(recipe, tmp_path):
    """A rate that explodes, and of three trials with one of two values two are the same."""
    notes: list[str] = []
    space = {"train.learning_rate": [1e-3, 1e30]}
    done = tune(
        recipe,
        search=space,
        trials=3,
        budget="100%",
        run_dir=tmp_path / "one",
        listeners=Listeners(on_note=notes.append),
    )
    states = {one["values"]["train.learning_rate"]: one["state"] for one in done.facts["trials"]}
    assert states[1e-3] == "finished"
    assert any(one["same_as"] is not None for one in done.facts["trials"])
    assert states.get(1e30, "failed") == "failed"
    with pytest.raises(RunError, match="no trial was trained to its end: step"):
        tune(
            recipe,
            search={"train.learning_rate": [1e29, 1e30]},
            trials=1,
            budget="100%",
            run_dir=tmp_path / "none",
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search", "fusion=sum,gated", "--over", "fusion=sum,gated"], "--over, to compare all"),
        (["--search", "fusion=sum,gated", "--seeds", "2"], "--seeds is of --over"),
        (["--over", "fusion=sum,gated", "--trials", "2"], "--trials is of --search"),
        (["--search", "fusion=sum,gatd"], "no fusion named 'gatd'"),
        (["--search", "fusion=sum,gated", "--metric", "x/y"], "--metric x/y: expected a figure"),
        (["--search", "fusion=sum,gated", "--budget", "2 minutes"], "expected steps, epochs or %"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_computed(
    recipe, tmp_path, sensorium: Command, arguments, message
):
    answer = sensorium("compare", recipe, *arguments, "--run-dir", tmp_path / "run")
    assert answer.status == 1
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_settings_that_contradict_each_other_fail_their_trial(recipe, tmp_path):
    with pytest.raises(RunError, match="must divide"):
        tune(
            recipe,
            search={"model.encoders.image.patch_size": [5, 7]},
            trials=1,
            budget="100%",
            run_dir=tmp_path / "run",
        )


def test_it_is_told_apart_from_several_processes(recipe, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match="start it without torchrun"):
        tune(recipe, search=SPACE)
    monkeypatch.delenv("WORLD_SIZE")
    with pytest.raises(RunError, match="--trials 0: expected at least one"):
        tune(recipe, search=SPACE, trials=0)
    with pytest.raises(RecipeError, match="leave out --budget"):
        tune(recipe, ["train.steps=2"], search=SPACE, budget="10%")
