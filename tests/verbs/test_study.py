"""The study of a search: the same draws whatever stops it, and trials that end in every way."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorium.errors import MissingDependencyError
from sensorium.verbs.space import Choice, Range
from sensorium.verbs.study import LEAST_FOR_IMPORTANCES, TRIALS_BEFORE_PRUNING, OpenTrial, Study

pytest.importorskip("optuna")
SPACE = {
    "rate": Range(1e-4, 1.0, whole=False, log=True),
    "depth": Range(1, 8, whole=True, log=False),
    "fusion": Choice(("sum", "gated", "tensor")),
}
TRIALS = 9


def study_in(folder: Path, seed: int = 3) -> Study:
    folder.mkdir(exist_ok=True)
    return Study(folder, SPACE, seed, lower_is_better=False)


def figure_of(values: dict[str, Any]) -> float:
    return values["depth"] + (values["fusion"] == "gated") - abs(values["rate"] - 0.1)


def bring_to_an_end(trial: OpenTrial) -> None:
    """Four validations on the way to the figure, the last of which ends nothing."""
    for validation in (1, 2, 3, 4):
        if trial.report(validation, validation / 4 * figure_of(trial.values)) and validation < 4:
            trial.prune()
            return
    trial.finish(figure_of(trial.values))


def search(open_study: Callable[[], Study]) -> Study:
    """To its end; the study is opened as often as one likes."""
    while (trial := open_study().next(TRIALS)) is not None:
        bring_to_an_end(trial)
    return open_study()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A search that nothing stopped. Do not change it."""
    study = study_in(tmp_path_factory.mktemp("done"))
    return search(lambda: study)


def test_values_are_of_the_space_and_get_better(done):
    tried = done.tried()
    assert [one.number for one in tried] == list(range(TRIALS))
    for one in tried:
        assert 1e-4 <= one.values["rate"] <= 1
        assert one.values["depth"] in range(1, 9)
        assert one.words["fusion"] in ("sum", "gated", "tensor")
    figures = [one.figure for one in tried if one.figure is not None]
    assert max(figures) > 7


def test_what_falls_behind_is_pruned_once_there_is_something_to_fall_behind(done):
    tried = done.tried()
    assert all(one.state == "finished" for one in tried[:TRIALS_BEFORE_PRUNING])
    pruned = [one for one in tried if one.state == "pruned"]
    assert pruned
    assert all(one.figure is None and len(one.on_the_way) in (2, 3) for one in pruned)


def test_a_study_that_is_opened_anew_draws_the_same(done, tmp_path):
    again = search(lambda: study_in(tmp_path / "again"))
    assert again.tried() == done.tried()


def test_a_trial_that_was_under_way_goes_on(done, tmp_path):
    """Killed after a validation was told, and before what follows from it was."""
    killed = done.tried()[-1].number
    study = study_in(tmp_path / "killed")
    while (trial := study.next(TRIALS)) is not None and trial.number < killed:
        bring_to_an_end(trial)
    assert trial is not None
    for validation in (1, 2):
        trial.report(validation, validation / 4 * figure_of(trial.values))
    study = study_in(tmp_path / "killed")
    again = study.next(TRIALS)
    assert again is not None
    assert (again.number, again.values) == (killed, trial.values)
    bring_to_an_end(again)
    assert study.next(TRIALS) is None
    assert study.tried() == done.tried()


def test_another_seed_draws_other_values(done, tmp_path):
    other = study_in(tmp_path / "other", seed=4).next(1)
    assert other is not None
    assert other.values != done.tried()[0].values


def test_the_recipes_own_values_come_first_where_they_lie_in_the_space(tmp_path):
    study = study_in(tmp_path / "own")
    own = {"rate": 0.01, "depth": 2, "fusion": {"name": "sum", "width": 8}}
    for _ in range(2):
        study.begin_with(own)
    trial = study.next(3)
    assert trial is not None
    assert trial.values == {"rate": 0.01, "depth": 2, "fusion": "sum"}
    trial.finish(1.0)
    assert study.tried()[0].own
    second = study.next(3)
    assert second is not None
    assert second.values != trial.values
    beyond = study_in(tmp_path / "beyond")
    beyond.begin_with(own | {"depth": 9})
    first = beyond.next(1)
    assert first is not None
    assert first.values["depth"] != 9


def test_an_end_can_be_taken_over_and_a_failure_has_its_reason(tmp_path):
    study = study_in(tmp_path / "ends")
    trials = [study.next(5) for _ in range(1)]
    assert trials[0] is not None
    trials[0].finish(0.5)
    for how in ("same", "failed"):
        trial = study.next(5)
        assert trial is not None
        trial.end_as(study.tried()[0]) if how == "same" else trial.fail("too large")
    first, same, failed = study.tried()
    assert (same.same_as, same.figure) == (0, first.figure)
    assert (failed.state, failed.why, failed.figure) == ("failed", "too large", None)


def test_what_mattered_adds_up_to_one(tmp_path):
    study = study_in(tmp_path / "importances")
    assert study.importances() == {}, "of no trials"
    while (trial := study.next(LEAST_FOR_IMPORTANCES)) is not None:
        trial.finish(figure_of(trial.values))
    importances = study.importances()
    assert importances.keys() == SPACE.keys()
    assert sum(importances.values()) == pytest.approx(1.0)


def test_without_optuna_the_install_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "sensorium\[search\]"'):
        study_in(tmp_path / "without")
