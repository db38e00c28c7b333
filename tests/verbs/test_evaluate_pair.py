"""Two runs judged on the same samples, from files to the page."""

import json
from pathlib import Path

import pytest
from tests.conftest import Command
from tests.labelled import labelled_tree, write_labelled
from tests.pairs import read_rows, write_rows

from sensorium import evaluate_pair
from sensorium.errors import DataError, RunError
from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.verbs.pretrain import pretrain


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`fresh` and `learnt` in one folder, with their `data`. Do not change them."""
    folder = tmp_path_factory.mktemp("pair")
    data = write_labelled(folder / "data", test=24)
    for name, steps in (("fresh", 1), ("learnt", 40)):
        tree = labelled_tree(data, steps=steps, learning_rate=3e-3)
        pretrain(Recipe.model_validate(tree), run_dir=folder / name)
    return folder


def test_the_one_that_has_learned_is_better(pair: Path, tmp_path: Path) -> None:
    before = (pair / "fresh/summary.json").read_bytes()
    found = evaluate_pair(pair / "fresh", pair / "learnt", html=tmp_path / "pages/pair.html")
    assert found.samples == 24
    by_name = {one.name: one for one in found.differences}
    assert not any("majority" in name or name.endswith("_mean") for name in by_name)
    accuracy, error = by_name["classification/accuracy"], by_name["regression/mae"]
    summary = Run.open(pair / "learnt").summary()
    assert summary is not None
    assert accuracy.b == summary["metrics"]["test/classification/accuracy"]
    assert (accuracy.test, accuracy.better) == ("McNemar", "b")
    assert (error.test, error.better) == ("permutation", "b")
    assert error.difference < 0
    assert found.verdict[0].startswith(f"{pair / 'learnt'} is better by classification accuracy")
    assert (pair / "fresh/summary.json").read_bytes() == before
    page = (tmp_path / "pages/pair.html").read_text(encoding="utf-8")
    assert "classification accuracy" in page
    assert page.count("<circle") == sum(one.interval is not None for one in found.differences)


def test_a_run_is_not_better_than_itself(pair: Path) -> None:
    found = evaluate_pair(pair / "learnt", pair / "learnt")
    assert all(one.p == 1.0 and one.better is None for one in found.differences)
    assert found.verdict == ["No difference is more than noise, on 24 samples."]


def test_the_command_line_says_the_same(pair: Path, sensorium: Command, tmp_path: Path) -> None:
    both = (pair / "fresh", pair / "learnt")
    answer = sensorium("evaluate", *both, "--json")
    assert answer.status == 0
    facts = json.loads(answer.out)
    assert facts["figures"]["classification/accuracy"]["better"] == str(pair / "learnt")
    page = tmp_path / "pair.html"
    answer = sensorium("evaluate", *both, "--data", pair / "data/test.jsonl", "--html", page)
    assert answer.status == 0
    assert "is better by" in answer.out
    assert page.is_file()
    assert sensorium("evaluate", *both, "--without", "text").status == 2
    assert sensorium("evaluate", pair / "fresh", "--html", page).status == 2


def test_other_samples_and_other_tasks_are_refused(pair: Path, tmp_path: Path) -> None:
    data = pair / "data"
    rows = read_rows(data / "test.jsonl")
    write_rows(data / "fewer.jsonl", rows[:-2])
    write_rows(data / "changed.jsonl", rows[::-1])
    tree = labelled_tree(data, steps=1)
    for name in ("fewer", "changed"):
        tree["data"]["test"] = f"{name}.jsonl"
        pretrain(Recipe.model_validate(tree), run_dir=tmp_path / name)
        with pytest.raises(DataError) as error:
            evaluate_pair(pair / "fresh", tmp_path / name)
        assert f"{pair / 'fresh'} on 24 samples of test.jsonl (as test.jsonl:1), and" in str(
            error.value
        )
        assert f"samples of {name}.jsonl" in str(error.value)
        assert "--data" in str(error.value)
    same = evaluate_pair(pair / "fresh", tmp_path / "fewer", data=data / "test.jsonl")
    assert same.samples == 24
    tree["data"]["test"] = "test.jsonl"
    tree["tasks"] = {"matching": {}}
    pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "other")
    with pytest.raises(RunError, match=r"has classification, .*, and .*other has matching"):
        evaluate_pair(pair / "fresh", tmp_path / "other")
