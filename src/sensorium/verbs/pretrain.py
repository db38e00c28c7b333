"""Pretrain a model by a recipe: data -> training -> evaluation -> a run folder."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sensorium import ranks
from sensorium.data import DataSplits, open_splits
from sensorium.device import choose_device
from sensorium.errors import RecipeError, RunError
from sensorium.layers.lora import merge_low_rank
from sensorium.recipe import Recipe, load_recipe, override_recipe
from sensorium.run import RUNS, Run, build
from sensorium.tasks import Mixture
from sensorium.training import Checkpoints, Outcome, PeakMemory, train
from sensorium.training.freezing import adapt
from sensorium.verbs.evaluate import judge, record, report
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.start import Start
from sensorium.verbs.supply import batches_to_train_on, batches_to_validate_on, one_pass
from sensorium.weights import load_weights
from sensorium.world.build import build_world

STARTED_FROM = "started_from"  # in run.json and in the summary: the run whose weights were taken


@dataclass(frozen=True)
class Pretrained:
    """What `pretrain` leaves.

    Attributes:
        run: its folder.
        step: optimizer steps done.
        summary: the final figures, as in `summary.json`; None where a signal stopped the run.
        stopped_by: that signal.
    """

    run: Run
    step: int
    summary: dict[str, Any] | None
    stopped_by: signal.Signals | None = None


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
    return _pretrain(run, False, listeners, start)


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
    return _pretrain(run, True, listeners, start)


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


def _pretrain(run: Run, resume: bool, listeners: Listeners, start: Start | None) -> Pretrained:
    if run.recipe.train.threads is not None:
        torch.set_num_threads(run.recipe.train.threads)
    try:
        with ranks.together():
            device = choose_device(run.recipe.train.device)
        splits = ranks.first_alone(lambda: _open_data(run, resume, listeners, start))
        run = ranks.first_alone(
            lambda: _settle_fields(run, splits) if ranks.rank() == 0 else Run.open(run.folder)
        )
        mixture = build(run.recipe, splits.tokenizer, splits.learned)
        with ranks.together():
            saved = Checkpoints(run.folder / "checkpoints").newest()
            if start is not None:
                listeners.on_note(start.give(mixture, run.recipe, splits.learned))
            elif saved is not None:  # what is frozen may be asked before the loop brings it back
                load_weights(mixture, saved.weights(), saved.path)
            else:
                run.start(mixture)
        if run.recipe.finetune is not None:
            adapt(mixture, run.recipe.finetune)
    except BaseException:
        if not resume and ranks.rank() == 0:
            run.discard()
        raise
    with PeakMemory(device) as memory:
        outcome = _train(run, mixture.to(device), splits, listeners)
    learned = sum(p.numel() for p in mixture.parameters() if p.requires_grad)
    merge_low_rank(mixture)
    broken = [one for of_rank in ranks.everyone(splits.quarantine.broken()) for one in of_rank]
    if outcome.stopped_by is not None:
        return Pretrained(run, outcome.state.step, None, outcome.stopped_by)
    if run.recipe.train.is_stale(outcome.state.stale_validations):
        listeners.on_note(
            f"stopped after {outcome.state.step} steps: {outcome.state.stale_validations} "
            f"validations brought no better {run.recipe.train.best_metric} than step "
            f"{outcome.state.best_step}, which is used"
        )

    def summarise() -> dict[str, Any]:
        splits.quarantine.add_all(broken)
        return _summarise(run, mixture, splits, outcome, memory.bytes, learned, listeners)

    return Pretrained(run, outcome.state.step, ranks.only_first(summarise))


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


def _open_data(run: Run, resume: bool, listeners: Listeners, start: Start | None) -> DataSplits:
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
    for note in splits.notes:
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


def _settle_fields(run: Run, splits: DataSplits) -> Run:
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


def _train(run: Run, mixture: Mixture, splits: DataSplits, listeners: Listeners) -> Outcome:
    recipe = run.recipe
    batches = batches_to_train_on(recipe, mixture, splits, listeners)
    validation = batches_to_validate_on(recipe, mixture, splits, listeners)

    def validate() -> Mapping[str, float]:
        assert validation is not None
        assert splits.validation is not None
        judged = judge(run, mixture, validation, len(splits.validation), "validation", listeners)
        return {f"validation/{name}": figure for name, figure in judged.metrics.items()}

    return train(
        mixture,
        batches,
        recipe.train,
        run.folder,
        seed=recipe.seed,
        finetune=recipe.finetune,
        validate=None if validation is None else validate,
        on_progress=listeners.on_training,
        on_validation=listeners.on_validation,
    )


def _summarise(
    run: Run,
    mixture: Mixture,
    splits: DataSplits,
    outcome: Outcome,
    peak_memory_bytes: int | None,
    learned: int,
    listeners: Listeners,
) -> dict[str, Any]:
    """Judge the weights that will be used, on validation and on test, and write it all down.

    Args:
        learned: parameters that were trained.
    """
    state, facts = outcome.state, run.facts()
    run.load_weights(mixture)
    summary = {
        "recipe": run.recipe.name,
        "metrics": {},
        "withheld": {},
        "steps": state.step,
        "samples": state.samples,
        "train_seconds": round(state.train_seconds, 3),
        "samples_per_second": round(state.samples / state.train_seconds, 2),
        "peak_memory_bytes": peak_memory_bytes,
        "parameters": sum(p.numel() for p in mixture.parameters()),
        "trained_parameters": learned,
        "device": str(next(mixture.parameters()).device),
        "processes": ranks.count(),
        "precision": state.precision,
        "quarantined": len(splits.quarantine),
        "unusable_batches": state.unusable,
        "best_step": state.best_step,
        STARTED_FROM: facts.get(STARTED_FROM),
        "versions": facts["versions"],
    }
    run.write_summary(summary)
    report(run, summary)
    for split in ("validation", "test"):
        dataset = getattr(splits, split)
        if dataset is not None:
            batches = one_pass(run.recipe, dataset, splits.quarantine)
            withheld = run.recipe.evaluation.withheld_of(list(mixture.model.widths))
            judged = judge(run, mixture, batches, len(dataset), split, listeners, withheld)
            summary = record(run, judged, dataset, split)
    return summary
