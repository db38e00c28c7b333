"""The data of a run: drawn, where it is the embedded world; opened; and its guesses settled."""

from __future__ import annotations

from pathlib import Path

from sensorium import ranks
from sensorium.data import DataSplits, open_splits
from sensorium.errors import RecipeError, RunError
from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.start import Start
from sensorium.world.build import build_world


def open_data(run: Run, resume: bool, listeners: Listeners, start: Start | None) -> DataSplits:
    """The sets of a run's recipe; of a new run what is learned from them is written down.

    Args:
        run: which.
        resume: whether it was begun before.
        listeners: who is told what was guessed.
        start: whose tokenizer is taken over, if any.

    Raises:
        SensoriumError: data that is missing, broken, or not what the run was begun with.
    """
    recipe = run.recipe
    if recipe.data.train is None:
        raise RecipeError(f"recipe {recipe.name}: data.train is missing; give data.train=PATH")
    draw_world(recipe, listeners)
    first = ranks.rank() == 0
    going_on = not first or (resume and run.has_tokenizer)
    tokenizer = run.tokenizer() if going_on else None
    if start is not None and not going_on:
        tokenizer = start.tokenizer
    splits = open_splits(
        recipe.data_to_read,
        recipe.seed,
        run.quarantine_path if first else None,
        tokenizer=tokenizer,
        progress=lambda split, done, total: listeners.on_work(f"reading {split}", done, total),
        learned=run.learned() if going_on else None,
    )
    for note in [*splits.notes, *splits.quarantine.since(flaws=len(splits.quarantine.flaws()))]:
        listeners.on_note(note)
    if going_on:
        _check_fingerprints(run, splits)
    else:
        facts = {"fingerprints": splits.fingerprints, "notes": splits.notes}
        run.write_facts(run.facts() | facts)
        run.write_learned(splits.learned)
        run.write_tokenizer(splits.tokenizer)
    return splits


def draw_world(recipe: Recipe, listeners: Listeners) -> None:
    """Draw the recipe's world into `data.root`, unless something lies there already."""
    if recipe.world is None:
        return
    assert recipe.data.root is not None, "a recipe with a world and without a root is refused"
    folder = Path(recipe.data.root).expanduser()
    if not (folder.is_dir() and any(folder.iterdir())):
        build_world(
            folder,
            recipe.world,
            on_progress=lambda done, total: listeners.on_work("drawing the world", done, total),
        )


def settle_fields(run: Run, splits: DataSplits) -> Run:
    """Write the guessed columns into the run's recipe, where they are the same in every set."""
    others = [dataset for dataset in (splits.validation, splits.test) if dataset is not None]
    several = len(splits.fields) > 1
    same = all(
        part.source.fields == splits.fields[0] for dataset in others for part in dataset.parts
    )
    return run.settle_fields(splits.fields) if same or several else run


def _check_fingerprints(run: Run, splits: DataSplits) -> None:
    before = run.facts()["fingerprints"]
    changed = [s for s, mark in splits.fingerprints.items() if before.get(s) != mark]
    if changed:
        raise RunError(
            f"the data changed since {run.folder} was started ({', '.join(changed)}), so the run "
            "cannot go on exactly; put the data back, or start anew in another --run-dir"
        )
