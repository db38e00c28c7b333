"""Train a run from where it is to its end, judge it, and write down what it came to."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sensorium import ranks
from sensorium.data import DataSplits
from sensorium.device import choose_device
from sensorium.layers.lora import merge_low_rank
from sensorium.run import Run, build
from sensorium.tasks import Mixture
from sensorium.training import Checkpoints, Outcome, PeakMemory, train
from sensorium.training.freezing import adapt
from sensorium.verbs.evaluate import judge, record, report
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.run_data import open_data, settle_fields
from sensorium.verbs.start import STARTED_FROM, Start
from sensorium.verbs.supply import batches_to_train_on, batches_to_validate_on, one_pass
from sensorium.weights import load_weights


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


def train_run(run: Run, resume: bool, listeners: Listeners, start: Start | None) -> Pretrained:
    """Train a run to its end or to a signal.

    Args:
        run: its folder is made.
        resume: whether it was begun before.
        listeners: who is told of progress.
        start: the weights that it takes over, if any.
    """
    if run.recipe.train.threads is not None:
        torch.set_num_threads(run.recipe.train.threads)
    try:
        with ranks.together():
            device = choose_device(run.recipe.train.device)
        splits = ranks.first_alone(lambda: open_data(run, resume, listeners, start))
        run = ranks.first_alone(
            lambda: settle_fields(run, splits) if ranks.rank() == 0 else Run.open(run.folder)
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
    told = len(splits.quarantine), len(splits.quarantine.flaws())
    with PeakMemory(device) as memory:
        outcome = _train(run, mixture.to(device), splits, listeners)
    learned = sum(p.numel() for p in mixture.parameters() if p.requires_grad)
    merge_low_rank(mixture)
    broken = [one for of_rank in ranks.everyone(splits.quarantine.broken()) for one in of_rank]
    flaws = [one for of_rank in ranks.everyone(splits.quarantine.flaws()) for one in of_rank]
    if outcome.stopped_by is not None:
        return Pretrained(run, outcome.state.step, None, outcome.stopped_by)
    if run.recipe.train.is_stale(outcome.state.stale_validations):
        listeners.on_note(
            f"stopped after {outcome.state.step} steps: {outcome.state.stale_validations} "
            f"validations brought no better {run.recipe.train.best_metric} than step "
            f"{outcome.state.best_step}, which is used"
        )

    def summarise() -> dict[str, Any]:
        splits.quarantine.add_flaws(flaws)
        splits.quarantine.add_all(broken)
        summary = _summarise(run, mixture, splits, outcome, memory.bytes, learned, listeners)
        for note in splits.quarantine.since(*told):
            listeners.on_note(note)
        return summary

    return Pretrained(run, outcome.state.step, ranks.only_first(summarise))


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
            summary["quarantined"] = len(splits.quarantine)  # of large sets rows are read only here
            run.write_summary(summary)
            summary = record(run, judged, dataset, split)
    return summary
