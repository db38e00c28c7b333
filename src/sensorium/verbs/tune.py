"""Search a space of recipe keys for what is best: `sensorium compare RECIPE --search ...`.

    recipe, space -> trials, each trained in a run folder of its own -> the best values

    runs/search-emoji/
      study.db       what was tried and how far it came: Optuna's study
      trial-000/     run folders; a pruned trial keeps its figures, not its weights
      best/          the run of the best trial, judged on the test set
      search.json    every figure, for programs
      report.html    the same for people

Trials are judged on rows held out of the training set. The test set is looked at once, for the best
trial, when all are done. Started again, a search goes on exactly where it was stopped or killed,
and adds trials where more are asked for.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml

from sensorium.device import choose_device
from sensorium.errors import RunError
from sensorium.evaluation.comparison import check_metric, reached
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.search import Found
from sensorium.evaluation.search.page import write_search
from sensorium.recipe import Recipe, dump_recipe, parse_recipe
from sensorium.run import RUNS, Run, flat, versions, write_aside
from sensorium.verbs.budget import Budget
from sensorium.verbs.compare import settled_before
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.study import Study, library
from sensorium.verbs.terms import SearchTerms, make_terms, settle
from sensorium.verbs.trials import Trials

FACTS, PAGE, BEST = "search.json", "report.html", "best"


@dataclass(frozen=True)
class Tuned:
    """What a search leaves.

    Attributes:
        folder: of the search.
        found: the trials so far, and the best of them.
        stopped_by: the signal that stopped it before its end, if one did.
    """

    folder: Path
    found: Found
    stopped_by: signal.Signals | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """As in `search.json`."""
        return self.found.facts_for_programs()


def tune(
    recipe: Recipe | str | Path,
    overrides: Sequence[str] = (),
    *,
    search: Mapping[str, str | Sequence[Any]],
    trials: int = 20,
    budget: str | None = None,
    metric: str | None = None,
    run_dir: str | Path | None = None,
    overwrite: bool = False,
    listeners: Listeners | None = None,
) -> Tuned:
    """Search a space of recipe keys for the values that are best on held-out rows.

    Args:
        recipe: a shipped recipe's name, a path, or a recipe.
        overrides: `dotted.key=value`, for all trials.
        search: recipe key -> a range (`log:1e-4..1e-2`, `2..6`) or values to choose from.
        trials: how many, with those that the folder holds.
        budget: of each: `300 steps`, `5 epochs`, `20%` of the recipe's length, which is the
            default.
        metric: the figure that decides, as `matching/accuracy`; by default the first of the tasks.
        run_dir: the folder; `runs/search-<name of the recipe>` by default.
        overwrite: replace a search that is there.
        listeners: who is told of progress.

    Raises:
        SensoriumError: whatever a user can mend; a loss that explodes only fails its own trial.
    """
    library()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError(
            "a search trains one run at a time, in one process; start it without torchrun"
        )
    if trials < 1:
        raise RunError(f"--trials {trials}: expected at least one")
    listeners = listeners or Listeners()
    listeners = replace(listeners, on_note=listeners.each_note_once())
    terms = make_terms(recipe, overrides, search, None if budget is None else Budget.read(budget))
    check_metric(list(terms.recipe.tasks.chosen()), metric, of_fusions=terms.of_fusions)
    folder = Path(run_dir) if run_dir is not None else RUNS / f"search-{terms.recipe.name}"
    settled = _open_folder(folder, terms.asked(metric), overwrite)
    tree = settle(terms, settled, listeners)
    _write_facts(folder, settled)
    lower = metric is not None and Headline(metric).lower_is_better
    study = Study(folder, terms.space, terms.recipe.seed, lower_is_better=lower)
    study.begin_with(terms.own)
    name = terms.recipe.name
    runs = Trials(
        folder, study, name, tree, settled["rows"], trials, metric, terms.of_fusions, listeners
    )
    said = recipe if isinstance(recipe, str | Path) else recipe.name
    report = _Report(terms, runs, settled, [str(said), *overrides])
    stopped_by = runs.train(report.write)
    found = report.write()
    if stopped_by is not None:
        return Tuned(folder, found, stopped_by)
    if found.best is None:
        reasons = "; ".join(dict.fromkeys(one.why for one in found.trials if one.why))
        raise RunError(f"no trial was trained to its end: {reasons}")
    _judge_best(terms, runs, found, settled, listeners)
    return Tuned(folder, report.write())


@dataclass(frozen=True)
class _Report:
    """Writes down what was found so far.

    Attributes:
        terms: of the search.
        runs: its trials.
        settled: what was found out once, kept in `search.json`.
        command: recipe and overrides, as they were given.
    """

    terms: SearchTerms
    runs: Trials
    settled: dict[str, Any]
    command: Sequence[str]

    def write(self) -> Found:
        """`search.json`, and a page once there is something to show."""
        found = self._found()
        _write_facts(self.runs.folder, self.settled, found)
        if found.best is not None:
            write_search(self.runs.folder / PAGE, found)
        return found

    def _found(self) -> Found:
        study, recipe, budget = self.runs.study, self.terms.recipe, self.terms.budget
        tried = study.tried()
        finished = [one for one in tried if one.state == "finished" and one.same_as is None]
        run = reached(Run.open(self.runs.place(finished[0].number)).summary()) if finished else None
        found = Found(
            recipe=recipe.name,
            space={key: where.told() for key, where in self.terms.space.items()},
            headline=None if run is None else self.runs.headline(run.metrics),
            budget=None if budget is None else budget.told,
            held_out=f"{run.samples:,} rows" if run is not None else "rows",
            trials=tried,
            wanted=self.runs.most,
            importances=study.importances(),
            test=self.settled.get("test", {}),
            left_out=self.terms.left_out,
            facts={
                "Device": str(choose_device(recipe.train.device)),
                "Threads": str(recipe.train.threads or torch.get_num_threads()),
                "Seed": str(recipe.seed),
                "Versions": ", ".join(f"{name} {of}" for name, of in versions().items()),
            },
        )
        if found.best is None:
            return found
        best = [f"{key}={_as_yaml(value)}" for key, value in found.best.values.items()]
        words = ["sensorium", "pretrain", *self.command, *best]
        return replace(found, command=shlex.join(words))


def _as_yaml(value: Any) -> str:
    """A value as an override has it."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).splitlines()[0]


def _judge_best(
    terms: SearchTerms,
    runs: Trials,
    found: Found,
    settled: dict[str, Any],
    listeners: Listeners,
) -> None:
    """Copy the best trial's run to `best`, and judge it on the test set, unless that was done."""
    assert found.best is not None, "there is something to judge"
    number = found.best.number if found.best.same_as is None else found.best.same_as
    if settled.get("best") == number:
        return
    place = runs.folder / BEST
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(runs.place(number), place)
    settled["test"] = {}
    if terms.test is not None:
        run = Run.open(place)
        tree = run.recipe.model_dump(mode="json")
        tree["data"]["test"] = terms.test
        tested = parse_recipe(tree, run.recipe.name)
        write_aside(place / "recipe.yaml", dump_recipe(tested))
        summary = evaluate(place, split="test", device=tested.train.device, listeners=listeners)
        own = {name: of for name, of in summary["metrics"].items() if name.startswith("test/")}
        settled["test"] = {name.removeprefix("test/"): of for name, of in own.items()}
    settled["best"] = number


def _open_folder(folder: Path, asked: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    """What was settled when the search there began; what is asked where it begins now.

    Raises:
        RunError: the folder holds something else, or a search for something else.
    """
    settled = settled_before(folder, FACTS, overwrite, "search")
    if settled is None:
        return {"asked": asked}
    before, now = (dict(flat(one)) for one in (settled["asked"], asked))
    keys = [key for key in before | now if before.get(key) != now.get(key)]
    if keys:
        raise RunError(
            f"{folder} holds a search for something else ({', '.join(keys[:5])}); choose "
            "another --run-dir, or add --overwrite to begin anew"
        )
    return settled


def _write_facts(folder: Path, settled: dict[str, Any], found: Found | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"settled": settled, **({} if found is None else found.facts_for_programs())}
    write_aside(folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False))
