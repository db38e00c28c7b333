"""A comparison trains every variant on equal terms, survives a kill, and adds to what it has."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import Command
from tests.pairs import tiny_tree, write_pairs, write_recipe

from sensorium.errors import RunError
from sensorium.run import Run
from sensorium.verbs.compare import Compared, compare
from sensorium.verbs.listeners import Listeners

STEPS = 12
RATES = {"train.learning_rate": [1e-3, 1e-2]}
FEW_STEPS = ["train.steps=2"]
RUNS = [
    f"learning_rate={rate}/seed={seed}" for seed in (4, 5) for rate in ("0.001", "0.01")
]  # in the order in which they are trained


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    tree = tiny_tree(
        write_pairs(folder / "data", train=24), steps=STEPS, checkpoint_every_steps=4, threads=1
    )
    tree["data"]["validation_share"] = 0.3
    return write_recipe(folder / "tiny.yaml", tree | {"seed": 4})


@pytest.fixture(scope="module")
def compared(recipe: Path) -> Compared:
    """Two rates under two seeds, never stopped. Do not change it."""
    return compare(recipe, over=RATES, seeds=2, budget="100%", run_dir=recipe.parent / "rates")


def weights(folder: Path) -> dict[str, bytes]:
    (checkpoint,) = (folder / "checkpoints").glob("step-*")
    return {path.name: path.read_bytes() for path in checkpoint.glob("*.safetensors")}


def facts_in(folder: Path) -> dict:
    facts = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    del facts["settled"]
    return facts


def test_every_variant_has_a_run_for_every_seed(compared):
    found = sorted(path.parent for path in compared.folder.rglob("summary.json"))
    assert found == sorted(compared.folder / run for run in RUNS)
    for folder in found:
        run = Run.open(folder)
        assert f"seed={run.recipe.seed}" == folder.name
        assert run.recipe.train.steps == STEPS
        assert list(run.summary()["judged_samples"]) == ["validation"]


def test_variants_differ_in_what_is_compared_and_in_nothing_else(compared):
    for seed in (4, 5):
        one, other = (
            Run.open(compared.folder / f"learning_rate={rate}/seed={seed}")
            for rate in ("0.001", "0.01")
        )
        assert one.differs_from(other.recipe) == ["train.learning_rate"]
        assert one.facts()["fingerprints"] == other.facts()["fingerprints"]
        assert (
            one.tokenizer().encode("a red thing").tolist()
            == other.tokenizer().encode("a red thing").tolist()
        )


def test_the_test_set_is_never_opened(compared):
    for path in compared.folder.rglob("run.json"):
        assert "test" not in json.loads(path.read_text())["fingerprints"]


def test_the_figures_are_those_of_the_runs(compared):
    facts = compared.facts
    assert facts == facts_in(compared.folder)
    assert facts["metric"] == "matching/accuracy"
    assert [of["name"] for of in facts["figures"]] == ["matching accuracy", "masked words", "R@1"]
    for variant in facts["variants"]:
        own = variant["figures"]["matching/accuracy"]["by_seed"]
        assert own == {
            str(seed): Run.open(compared.folder / variant["folder"] / f"seed={seed}").summary()[
                "metrics"
            ]["validation/matching/accuracy"]
            for seed in (4, 5)
        }
        assert variant["peak_memory_bytes"] is None or variant["peak_memory_bytes"] > 10_000_000
        assert variant["parameters"] > 1000
        assert variant["seconds_per_step"] > 0
        assert list(variant["withheld"]["masked_language/accuracy"]) == ["image"]


def test_the_page_is_there_and_links_to_reports_that_are(compared):
    page = (compared.folder / "report.html").read_text(encoding="utf-8")
    assert "Which learning_rate for tiny?" in page
    for variant in compared.facts["variants"]:
        href = f"{variant['folder']}/seed=4/report.html"
        assert f'href="{href}"' in page
        assert (compared.folder / href).exists()


def test_a_comparison_that_was_killed_goes_on_exactly(recipe, compared, sensorium: Command):
    folder = recipe.parent / "killed"
    arguments = ["compare", recipe, "--over", "train.learning_rate=1.0e-3,1.0e-2"]
    arguments += ["--seeds", "2", "--budget", "100%", "--run-dir", folder]
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorium", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / RUNS[1] / "checkpoints/step-00000004").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert Run.open(folder / RUNS[0]).summary()["metrics"]
    assert Run.open(folder / RUNS[1]).summary() is None, "it had ended before it was killed"
    finished = (folder / RUNS[0] / "summary.json").stat().st_mtime_ns
    answer = sensorium(*arguments)
    assert answer.status == 0, answer.err
    assert (folder / RUNS[0] / "summary.json").stat().st_mtime_ns == finished
    for run in RUNS:
        assert weights(folder / run) == weights(compared.folder / run)
    again, before = (facts["variants"] for facts in (facts_in(folder), compared.facts))
    for one, other in zip(again, before, strict=True):
        assert one["figures"] == other["figures"]


def test_a_signal_stops_it_and_the_same_call_goes_on(recipe, compared):
    asked = {"over": RATES, "seeds": 1, "budget": "100%", "run_dir": recipe.parent / "stopped"}
    stop = Listeners(on_training=lambda progress: signal.raise_signal(signal.SIGTERM))
    stopped = compare(recipe, **asked, listeners=stop)  # at the tenth step, the first that is told
    assert stopped.stopped_by == signal.SIGTERM
    assert [variant["finished_seeds"] for variant in stopped.facts["variants"]] == [[], []]
    finished = compare(recipe, **asked)
    assert finished.stopped_by is None
    for run in RUNS[:2]:
        assert weights(finished.folder / run) == weights(compared.folder / run)


def test_what_is_asked_for_beside_is_added_to_what_there_is(recipe, compared):
    folder = shutil.copytree(compared.folder, recipe.parent / "more")
    before = {run: (folder / run / "summary.json").stat().st_mtime_ns for run in RUNS}
    trained = []
    more = compare(
        recipe,
        over={"train.learning_rate": [1e-3, 1e-2, 3e-2]},
        seeds=2,
        budget="100%",
        run_dir=folder,
        listeners=Listeners(on_training=lambda progress: trained.append(progress.step)),
    )
    assert trained.count(STEPS) == 2
    assert before == {run: (folder / run / "summary.json").stat().st_mtime_ns for run in RUNS}
    assert more.facts["figures"][0]["degrees_of_freedom"] == 2


def test_runs_of_other_settings_are_not_gone_on_with(recipe, compared):
    with pytest.raises(RunError, match=r"seed=4 was trained with other settings \(train.steps\)"):
        compare(recipe, over=RATES, budget="50%", run_dir=compared.folder)
    with pytest.raises(RunError, match=r"other settings \(tasks.matching.weight\)"):
        compare(
            recipe, ["tasks.matching.weight=2"], over=RATES, budget="100%", run_dir=compared.folder
        )


def test_overwrite_begins_anew(recipe, compared):
    folder = shutil.copytree(compared.folder, recipe.parent / "anew")
    compare(recipe, FEW_STEPS, over=RATES, seeds=1, run_dir=folder, overwrite=True)
    assert len(list(folder.rglob("summary.json"))) == 2


def test_a_folder_of_something_else_is_left_alone(recipe, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is not empty and is no comparison"):
        compare(recipe, over=RATES, run_dir=tmp_path, overwrite=True)
    assert (tmp_path / "letter.txt").exists()


def test_a_variant_that_explodes_breaks_off_alone(recipe, tmp_path):
    notes: list[str] = []
    done = compare(
        recipe,
        over={"train.learning_rate": [1e-3, 1e30]},
        seeds=1,
        budget="100%",
        run_dir=tmp_path / "one",
        listeners=Listeners(on_note=notes.append),
    )
    good, bad = done.facts["variants"]
    assert good["figures"]["matching/accuracy"]["place"] == "best"
    assert list(bad["failures"]) == ["4"]
    assert "figures" not in bad
    assert any("seed 4: step" in note for note in notes)
    assert "takes no part, since its run under seed 4 broke off" in done.facts["verdict"][-1]
    with pytest.raises(RunError, match="no variant was trained to its end: step"):
        compare(
            recipe,
            over={"train.learning_rate": [1e29, 1e30]},
            seeds=1,
            budget="100%",
            run_dir=tmp_path / "none",
        )


def test_minutes_become_steps_once_and_for_all(recipe, tmp_path):
    arguments = {"over": RATES, "seeds": 1, "budget": "0.003 minutes", "run_dir": tmp_path / "run"}
    first = compare(recipe, **arguments)
    steps = {variant["name"]: variant["steps"] for variant in first.facts["variants"]}
    settled = json.loads((tmp_path / "run/comparison.json").read_text())["settled"]
    assert settled["steps"] == {"0.003 minutes": steps}
    again = compare(recipe, **arguments)
    assert again.facts == first.facts


def test_it_is_told_apart_from_several_processes(recipe, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match="start it without torchrun"):
        compare(recipe, over=RATES)
