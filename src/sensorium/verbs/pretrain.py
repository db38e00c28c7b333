"""Pretrain a model by a recipe: data -> training -> evaluation -> a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensorium import ranks
from sensorium.errors import RecipeError, RunError
from sensorium.recipe import Recipe, load_recipe, override_recipe
from sensorium.run import RUNS, Run
from sensorium.training import Checkpoints
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.start import STARTED_FROM, Start
from sensorium.verbs.train_run import Pretrained, train_run


def pretrain(
    recipe: Recipe | str | Path,
    overrides: Sequence[str] = (),
    *,
    run_dir: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listeners: Listeners | None = None,
) -> Pretrained:
    """Train a model from scratch, judge it on the test set, and leave a run folder.

    Started by `torchrun` in several processes, they train it together; the first writes the run
    folder and judges.

    Args:
        recipe: a shipped recipe's name, a path, or a recipe.
        overrides: `dotted.key=value`.
        run_dir: the run folder; `runs/<name of the recipe>` by default.
        resume: go on with the run in `run_dir` from its newest checkpoint, by its own recipe.
        overwrite: replace a run that is in `run_dir`.
        listeners: who is told of progress.

    Raises:
        SensoriumError: whatever a user can mend: recipe, data, folder, a loss that explodes.
    """
    with ranks.joined():
        listeners = listeners if listeners is not None and ranks.rank() == 0 else Listeners()
        recipe = load_recipe(recipe, overrides)
        folder = Path(run_dir) if run_dir is not None else RUNS / recipe.name
        if resume:
            return go_on(folder, recipe.name, overrides, listeners)
        return begin(folder, recipe, listeners, overwrite=overwrite)


def begin(
    folder: Path,
    recipe: Recipe,
    listeners: Listeners,
    *,
    overwrite: bool = False,
    start: Start | None = None,
) -> Pretrained:
    """Train a new run, from fresh weights or from those of another run, and judge it.

    Raises:
        RecipeError: where fresh weights would never learn.
    """
    finetune = recipe.finetune
    if start is None and finetune is not None and (problem := finetune.needs_a_start()):
        raise RecipeError(
            f"recipe {recipe.name}: finetune.{problem} is for weights that have learned, and these "
            "are fresh; start from a run by `sensorium finetune RECIPE --from RUN`"
        )

    def create() -> Run:
        run = Run.create(folder, recipe, overwrite=overwrite)
        if start is not None:
            run.write_facts({STARTED_FROM: start.facts()})
        return run

    run = ranks.first_alone(lambda: create() if ranks.rank() == 0 else Run.open(folder))
    return train_run(run, False, listeners, start)


def go_on(folder: Path, name: str, overrides: Sequence[str], listeners: Listeners) -> Pretrained:
    """Train a run that was stopped to its end, and judge it.

    Args:
        folder: of the run.
        name: of the recipe that it should have been started with.
        overrides: with which overrides.
        listeners: who is told of progress.
    """

    def reopen() -> Run:
        return _run_to_resume(folder, name, overrides) if ranks.rank() == 0 else Run.open(folder)

    run = ranks.first_alone(reopen)
    with ranks.together():
        start = _start_not_taken(run)
    return train_run(run, True, listeners, start)


def _start_not_taken(run: Run) -> Start | None:
    """What a run that was stopped has still to start from: nothing, once it has saved weights.

    Raises:
        RunError: where that is gone or has changed.
    """
    facts = run.facts().get(STARTED_FROM)
    if facts is None or Checkpoints(run.folder / "checkpoints").newest() is not None:
        return None
    start = Start.open(facts["run"])
    if start.facts() != facts:
        raise RunError(
            f"{run.folder} was stopped before it took over the weights of {facts['run']}, which "
            "have changed since; start it anew with --overwrite"
        )
    return start


def _run_to_resume(folder: Path, name: str, overrides: Sequence[str]) -> Run:
    """The run in `folder`, which goes on by its own recipe.

    Raises:
        RunError: where there is none, or where recipe or overrides ask for another one.
    """
    run = Run.open(folder)
    if run.recipe.name != name or override_recipe(run.recipe, overrides) != run.recipe:
        raise RunError(
            f"{folder} was started with another recipe, or with other overrides: see its "
            "recipe.yaml. A run resumes by its own recipe alone; to change it, start anew in "
            "another --run-dir"
        )
    return run
