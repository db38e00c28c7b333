"""What a person and a program see of every verb, and that a mistake is one line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Command
from tests.pairs import tiny_tree, write_pairs, write_recipe

from sensorium.run import Run

VERBS = (
    *("demo", "world", "pretrain", "finetune", "compare"),
    *("evaluate", "predict", "index", "search", "runs"),
)


@pytest.fixture(scope="module")
def run(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the trained run, which the commands here may change."""
    return shutil.copytree(trained.folder, tmp_path_factory.mktemp("cli") / "run")


@pytest.fixture(scope="module")
def test_set(trained: Run) -> Path:
    return trained.folder.parent / "data/test.jsonl"


@pytest.fixture(scope="module")
def recipe(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    return write_recipe(folder / "tiny.yaml", tiny_tree(write_pairs(folder / "data"), steps=2))


def parsed(sensorium: Command, *arguments: object) -> object:
    """What a verb prints with --json, and nothing else on standard output."""
    answer = sensorium(*arguments, "--json")
    assert answer.status == 0, answer.err
    return json.loads(answer.out)


def test_help_lists_every_verb_and_imports_no_torch():
    program = (
        "import sys; from sensorium.cli import app; app(['--help'], standalone_mode=False); "
        "print('heavy:', sorted({'torch', 'numpy', 'pydantic', 'lancedb'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert [word for word in listed if word in VERBS] == list(VERBS)
    assert "heavy: []" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(sensorium: Command, verb):
    answer = sensorium(verb, "--help")
    assert answer.status == 0
    assert f"{verb} [OPTIONS]" in answer.out


def test_world_writes_files(sensorium: Command, tmp_path):
    given = ["world", tmp_path / "world", "--size", 4, "--validation", 2, "--test", 3]
    written = parsed(sensorium, *given)
    assert written["scenes"] == {"train": 4, "validation": 2, "test": 3}
    assert (tmp_path / "world/train.jsonl").exists()
    assert (tmp_path / "world/videos/test/00002.mp4").exists()
    assert "wrote" in sensorium(*given).out


def test_pretrain_prints_its_summary(sensorium: Command, recipe, tmp_path):
    folder = tmp_path / "run"
    printed = parsed(sensorium, "pretrain", recipe, "train.steps=3", "--run-dir", folder)
    assert printed == {"run": str(folder), **Run.open(folder).summary()}
    assert printed["steps"] == 3


def test_pretrain_prints_tables_and_notes_for_people(sensorium: Command, recipe, tmp_path):
    answer = sensorium("pretrain", recipe, "--run-dir", tmp_path / "run")
    assert answer.status == 0
    assert "R@1" in answer.out
    assert "matching, accuracy" in answer.out
    assert f"report: {tmp_path}/run/report.html" in answer.out.replace("\n", "")
    assert "note: train.jsonl: image guessed as column 'file_name'" in answer.err
    assert "step 2/2" in answer.err


def test_compare_prints_a_table_a_verdict_and_where_the_report_is(
    sensorium: Command, recipe, tmp_path
):
    folder = tmp_path / "which"
    given = ["compare", recipe, "data.validation_share=0.3", "train.steps=2", "--seeds", 1]
    given += ["--over", "fusion=gated,sum", "--run-dir", folder]
    answer = sensorium(*given)
    assert answer.status == 0, answer.err
    assert "matching accuracy" in answer.out
    assert "ms a step" in answer.out
    assert "One seed cannot tell a difference from noise." in answer.out
    assert f"report: {folder}/report.html" in answer.out.replace("\n", "")
    printed = parsed(sensorium, *given)
    assert printed["folder"] == str(folder)
    assert [variant["name"] for variant in printed["variants"]] == ["gated", "sum"]
    assert list(printed["left_out"]) == ["masked_language"]


def test_evaluate_gives_the_figures_of_the_summary(sensorium: Command, run, test_set):
    before = Run.open(run).summary()["metrics"]
    printed = parsed(sensorium, "evaluate", run, "--data", test_set, "--split", "again")
    again = {k.replace("again/", "test/"): v for k, v in printed["metrics"].items()}
    assert again == before
    assert "test: retrieval" in sensorium("evaluate", run).out


def test_index_then_search_finds_the_picture(sensorium: Command, run, test_set, tmp_path):
    indexed = parsed(sensorium, "index", run, test_set)
    assert (indexed["samples"], indexed["rows"], indexed["quarantined"]) == (8, 16, 0)
    picture, sheet = test_set.parent / "14.png", tmp_path / "pages/sheet.html"
    hits = parsed(sensorium, "search", run, "--image", picture, "--top", 3, "--html", sheet)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert (hits[0]["id"], hits[0]["path"]) == ("test.jsonl:3", str(picture))
    assert hits[0]["score"] == pytest.approx(1.0, abs=1e-4)
    page = sheet.read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert "test.jsonl:3" in page
    by_words = sensorium("search", run, "a grey thing", "--find", "text")
    assert "a grey thing" in by_words.out


def test_what_was_broken_in_one_set_is_not_held_against_the_next(
    sensorium: Command, run, test_set, tmp_path
):
    data = shutil.copytree(test_set.parent, tmp_path / "data")
    (data / "14.png").unlink()
    answer = sensorium("index", run, data / "test.jsonl")
    assert answer.status == 1
    assert "test.jsonl:3: picture '14.png': the file is missing" in answer.err
    assert parsed(sensorium, "index", run, test_set)["quarantined"] == 0


def test_runs_lists_what_is_there(sensorium: Command, run):
    (listed,) = parsed(sensorium, "runs", run.parent)
    assert listed["recipe"] == "tiny"
    assert (listed["step"], listed["finished"], listed["problem"]) == (6, True, None)
    assert listed["metrics"] == Run.open(run).summary()["metrics"]
    assert "finished" in sensorium("runs", run.parent).out


def test_a_run_that_cannot_be_read_does_not_hide_the_others(sensorium: Command, run, tmp_path):
    shutil.copytree(run, tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/recipe.yaml").write_text("name: [")
    bad, good = parsed(sensorium, "runs", tmp_path)
    assert "is not YAML" in bad["problem"]
    assert good["finished"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pretrain", "RECIPE", "train.stepz=3"], "train.stepz: no such key; did you mean 'steps'"),
        (["pretrain", "RECIPE", "train.steps=few"], "train.steps: input should be a valid integer"),
        (["pretrain", "RECIPE", "data.train=gone.jsonl"], "no data at 'gone.jsonl'; looked for"),
        (["pretrain", "emojy"], "no recipe named 'emojy'; did you mean 'emoji'?"),
        (["pretrain", "gone.yaml"], "no recipe file gone.yaml"),
        (["pretrain", "RECIPE", "--run-dir", "FILE"], "cannot make the run folder"),
        (["compare", "RECIPE"], "nothing to compare: give two values or more"),
        (["compare", "RECIPE", "--over", "fusion=sum,gatd"], "did you mean 'gated'?"),
        (
            ["compare", "RECIPE", "--over", "fusion=sum,gated", "--budget", "5"],
            "--budget '5': expected a number with its unit, as in '300 steps'",
        ),
        (
            ["compare", "RECIPE", "--over", "fusion=sum,gated", "--metric", "accuracy"],
            "--metric accuracy: expected a figure of contrastive or matching",
        ),
        (["evaluate", "nothing"], "no run in nothing: expected its recipe.yaml"),
        (["evaluate", "RUN", "--split", "notes"], "has no notes set; give one with --data"),
        (["evaluate", "RUN", "--data", "gone"], "no data at 'gone'"),
        (["evaluate", "RUN", "--device", "abacus"], "abacus cannot be used here"),
        (["evaluate", "RUN", "--without", "smell"], "knows only image, text"),
        (["index", "RUN", "gone"], "no data at 'gone'"),
        (["index", "nothing", "gone"], "no run in nothing"),
        (
            ["search", "RUN"],
            "expected one thing to search by: words, or a file by one of --image, --audio",
        ),
        (["search", "RUN", " "], "expected one thing to search by"),
        (["search", "RUN", "x", "--find", "smell"], "this run can find image or text, not 'smell'"),
        (["search", "RUN", "--image", "gone.png"], "the file is missing"),
        (["search", "RUN", "x", "--image", "gone.png"], "expected one thing to search by"),
        (["search", "RUN", "--audio", "a.wav"], "can be searched by image or text, not by audio"),
        (["runs", "gone"], "no folder gone"),
        (["world", "FILE"], "expected an empty folder or a world"),
        (
            ["world", "NEW", "--modalities", "image,smell"],
            "expected some of image,text,video,audio",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_1(
    sensorium: Command, monkeypatch, recipe, run, tmp_path, arguments, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").touch()
    stands_for = {"RECIPE": recipe, "RUN": run}
    answer = sensorium(*(stands_for.get(argument, argument) for argument in arguments))
    assert answer.status == 1
    (line,) = [line for line in answer.err.splitlines() if not line.startswith("note: ")]
    assert line.startswith("error: ")
    assert said in line
    assert answer.out == ""
    assert not list(tmp_path.rglob("recipe.yaml")), "a mistake leaves no run behind"


def test_a_training_that_has_not_ended_is_not_judged(sensorium: Command, run, tmp_path):
    stopped = shutil.copytree(run, tmp_path / "stopped")
    (stopped / "summary.json").unlink()
    answer = sensorium("evaluate", stopped)
    assert answer.status == 1
    assert "its training has not ended; go on with --resume" in answer.err
    (listed,) = parsed(sensorium, "runs", stopped)
    assert not listed["finished"]
