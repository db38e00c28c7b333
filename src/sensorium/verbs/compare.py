"""Compare variants of a recipe on equal terms: which fusion, or any other key, suits this data.

    recipe, axes -> a grid of variants
    for every seed, for every variant: pretrain, in a run folder of its own
    run folders -> a ranking -> `comparison.json`, `report.html`

The run folders are the state. Started again, a comparison keeps the runs that are finished, goes on
with the one that is not, exactly, and adds what is asked for beside: more seeds, more values.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sensorium.device import choose_device
from sensorium.errors import RunError
from sensorium.evaluation.comparison import Comparison, check_metric
from sensorium.recipe import Recipe
from sensorium.run import RUNS
from sensorium.training.precision import choose_precision
from sensorium.verbs.budget import Budget
from sensorium.verbs.grid import Grid, Variant, make_grid
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pace import seconds_per_step
from sensorium.verbs.rounds import FACTS, Rounds


@dataclass(frozen=True)
class Compared:
    """What `compare` leaves.

    Attributes:
        folder: the comparison.
        comparison: variants, ranked as far as they are finished.
        stopped_by: the signal that stopped it before its end, if one did.
    """

    folder: Path
    comparison: Comparison
    stopped_by: signal.Signals | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """As in `comparison.json`."""
        return self.comparison.facts()


def compare(
    recipe: Recipe | str | Path,
    overrides: Sequence[str] = (),
    *,
    over: Mapping[str, Sequence[Any]],
    seeds: int = 3,
    budget: str | None = None,
    metric: str | None = None,
    run_dir: str | Path | None = None,
    overwrite: bool = False,
    listeners: Listeners | None = None,
) -> Compared:
    """Train every combination of some values of recipe keys, and say which is best.

    All are trained from scratch with the same budget and seeds, and judged on rows held out of the
    training set. What a folder holds already is kept and gone on with.

    Args:
        recipe: a shipped recipe's name, a path, or a recipe.
        overrides: `dotted.key=value`, for all variants.
        over: recipe key -> values, as in `{"fusion": ["gated", "concat"]}`; `fusion` is short for
            `model.fusion`.
        seeds: how many, from the recipe's own on.
        budget: of each run: `300 steps`, `5 epochs`, `2 minutes`, `20%` of the recipe's length,
            which is the default.
        metric: the figure that decides, as `matching/accuracy`; `*` stands for anything, and the
            mean of what it matches decides.
        run_dir: the folder; `runs/compare-<name of the recipe>` by default.
        overwrite: replace a comparison that is there.
        listeners: who is told of progress.

    Raises:
        SensoriumError: whatever a user can mend; a loss that explodes only breaks off its own run.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError(
            "compare trains one run at a time, in one process; start it without torchrun"
        )
    if seeds < 1:
        raise RunError(f"--seeds {seeds}: expected at least one")
    listeners = listeners or Listeners()
    grid = make_grid(recipe, overrides, over, None if budget is None else Budget.read(budget))
    tasks = list(grid.variants[0].recipe.tasks.chosen())
    check_metric(tasks, metric, of_fusions=grid.of_fusions)
    folder = Path(run_dir) if run_dir is not None else RUNS / f"compare-{grid.name}"
    settled = settled_before(folder, FACTS, overwrite, "comparison") or {}
    variants = _settle(grid, settled, listeners)
    first = grid.variants[0].recipe.seed
    rounds = Rounds(
        folder=folder,
        grid=replace(grid, variants=variants),
        seeds=list(range(first, first + seeds)),
        metric=metric,
        settled=settled,
        listeners=listeners,
    )
    rounds.check()
    comparison, stopped_by = rounds.train()
    return Compared(folder, comparison, stopped_by)


def settled_before(folder: Path, facts: str, overwrite: bool, what: str) -> dict[str, Any] | None:
    """What was settled when the comparison or the search there began; None where it begins now.

    Args:
        facts: the name of the file that says so.
        overwrite: whether to remove what is there.
        what: which of the two, in words.

    Raises:
        RunError: the folder holds something else.
    """
    path = folder / facts
    if overwrite and path.exists():
        shutil.rmtree(folder)
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))["settled"]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} is not empty and is no {what}; choose another --run-dir")
    return None


def settle_precision(device: str, settled: dict[str, Any]) -> str:
    """What `auto` means on a device, found out once for all runs of a comparison."""
    kind = choose_device(device)
    chosen = settled.setdefault("precision", {})
    if kind.type not in chosen:
        chosen[kind.type] = choose_precision("auto", kind)
    return chosen[kind.type]


def _settle(grid: Grid, settled: dict[str, Any], listeners: Listeners) -> list[Variant]:
    """The variants, with what has to be timed decided once, for all of their runs.

    Args:
        settled: by an earlier start; what is decided now is added.
    """
    variants = []
    for variant in grid.variants:
        train = variant.recipe.train
        said: dict[str, Any] = {}
        if train.precision == "auto":
            said["precision"] = settle_precision(train.device, settled)
        if grid.budget is not None and grid.budget.unit == "minutes":
            steps = settled.setdefault("steps", {}).setdefault(str(grid.budget), {})
            if variant.name not in steps:
                pace = seconds_per_step(variant.recipe, listeners)
                steps[variant.name] = grid.budget.length({}, pace)["steps"]
                listeners.on_note(
                    f"{variant.name}: {1000 * pace:.0f} ms a step, so {steps[variant.name]:,} steps"
                )
            said |= {"steps": steps[variant.name], "epochs": None}
        train = train.model_copy(update=said)
        variants.append(replace(variant, recipe=variant.recipe.model_copy(update={"train": train})))
    return variants
