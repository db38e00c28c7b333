"""Fine-tune a trained model on a task: a training that starts from a run, with a new head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensorium import ranks
from sensorium.recipe import Recipe, load_recipe, recipe_tree
from sensorium.run import RUNS
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import begin, go_on
from sensorium.verbs.start import Start
from sensorium.verbs.train_run import Pretrained


def finetune(
    recipe: Recipe | str | Path,
    overrides: Sequence[str] = (),
    *,
    start: str | Path | None = None,
    run_dir: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listeners: Listeners | None = None,
) -> Pretrained:
    """Train a model that starts from a run, judge it on the test set, and leave a run folder.

    Encoders, fusion, tokenizer and the form of the inputs are the run's; heads are fresh, except
    those of tasks that the run has learned as the recipe means them. The new folder needs the old
    one no more.

    Args:
        recipe: a shipped recipe's name, a path, or a recipe. What it does not say of the model
            and of the inputs is the run's, and what it says differently is refused.
        overrides: `dotted.key=value`.
        start: the run folder to start from; None starts from fresh weights.
        run_dir: the run folder; `runs/<name of the recipe>` by default.
        resume: go on with the run in `run_dir` from its newest checkpoint, by its own recipe.
        overwrite: replace a run that is in `run_dir`.
        listeners: who is told of progress.

    Raises:
        SensoriumError: whatever a user can mend: recipe, run, data, folder, a loss that explodes.
    """
    with ranks.joined():
        listeners = listeners if listeners is not None and ranks.rank() == 0 else Listeners()
        name, tree = recipe_tree(recipe, overrides, defaults=False)
        name = tree.get("name", name)
        if resume:
            return go_on(_folder(run_dir, name), name, overrides, listeners)
        origin = None if start is None else Start.open(start)
        if origin is None:
            whole = load_recipe(recipe, overrides)
        else:
            whole = origin.recipe(recipe, overrides)
        folder = _folder(run_dir, whole.name)
        return begin(folder, whole, listeners, overwrite=overwrite, start=origin)


def _folder(run_dir: str | Path | None, name: str) -> Path:
    return RUNS / name if run_dir is None else Path(run_dir)
