"""Evaluate a run on any data: figures into `summary.json`, and the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.batch import Batch
from sensorium.data import (
    BrokenSample,
    Dataset,
    Mixed,
    Quarantine,
    Tokenizer,
    open_dataset,
    open_splits,
)
from sensorium.data.specimen import Specimen
from sensorium.device import choose_device
from sensorium.errors import DataError, RunError
from sensorium.evaluation import Evaluation
from sensorium.evaluation import evaluate as evaluate_mixture
from sensorium.evaluation.calibration_chart import calibration_facts
from sensorium.evaluation.class_panel import class_facts
from sensorium.evaluation.intervals import intervals
from sensorium.evaluation.probe import LABELS_PER_CLASS, Probed
from sensorium.evaluation.report import Shown, write_report
from sensorium.run import Run
from sensorium.tasks import Mixture
from sensorium.training.log import METRICS, read_metrics
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.probe import Labelled, probe_run
from sensorium.verbs.shares import record_shares
from sensorium.verbs.supply import one_pass


def evaluate(
    run: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    without: Sequence[str] = (),
    probe: str | Path | None = None,
    label: str | None = None,
    labels_per_class: Sequence[int] = LABELS_PER_CLASS,
    shares: bool = False,
    device: str = "auto",
    listeners: Listeners | None = None,
) -> dict[str, Any]:
    """Judge a run's model, add the figures to its `summary.json`, and write its report anew.

    Args:
        run: the run folder.
        data: any data; None takes the recipe's own.
        split: which of the recipe's sets, and the first part of the figures' names.
        without: modalities to withhold together. Each modality is withheld alone in any case. What
            is probed does without them.
        probe: a labelled set, whose classes are also read off the frozen encoders: a folder that
            holds `train` and `test`, or one set, of which a fifth is held out. A run without a set
            to be judged on is only probed.
        label: its column of classes; None takes that of the recipe's own labels, or `label`.
        labels_per_class: how few labels are tried, beside all.
        shares: whether to tell how much each modality has to do with what is said.
        device: where to compute.
        listeners: who is told of progress.

    Returns:
        The run's summary.

    Raises:
        SensoriumError: no such run, split, data, modality or column, or nothing to judge.
    """
    listeners = listeners or Listeners()
    opened = open_ended(run)
    mixture, tokenizer = opened.mixture(choose_device(device))
    unknown = [modality for modality in without if modality not in mixture.model.widths]
    if unknown:
        raise DataError(
            f"cannot withhold {', '.join(unknown)}: the model of {run} knows only "
            f"{', '.join(mixture.model.widths)}"
        )
    quarantine_path = opened.folder / "evaluation_quarantine.jsonl"
    quarantine_path.unlink(missing_ok=True)  # of what was judged before
    found = open_to_judge(opened, tokenizer, data, split, listeners, quarantine_path)
    if found is None and probe is None:
        raise no_set(opened, split)
    if probe is not None:
        labelled = Labelled(str(probe), label, labels_per_class)
        probed = probe_run(opened, mixture, tokenizer, labelled, without, listeners)
        _record_probe(opened, str(probe), probed, split)
    if found is None:
        summary = opened.summary()
        assert summary is not None, "just written"
        report(opened, summary)
        return summary
    dataset, quarantine = found
    together = tuple(m for m in mixture.model.widths if m in without)
    withheld = opened.recipe.evaluation.withheld_of(list(mixture.model.widths))
    if len(together) > 1 and together not in withheld:
        withheld.append(together)
    judged = judge_all(opened, mixture, found, split, listeners, withheld)
    for note in quarantine.since():
        listeners.on_note(note)
    summary = record(opened, judged, dataset, split)
    if shares:
        batches = one_pass(opened.recipe, dataset, quarantine)
        summary = record_shares(opened, mixture, batches, len(dataset), split, listeners)
    return summary


def open_ended(folder: str | Path) -> Run:
    """The run of a folder, whose training has come to its end.

    Raises:
        RunError: there is none, or it has not.
    """
    run = Run.open(folder)
    if run.summary() is None:
        raise RunError(
            f"{folder} has no summary.json: its training has not ended; go on with --resume"
        )
    return run


def no_set(run: Run, split: str) -> DataError:
    """That a recipe has no set of that name, to be raised."""
    return DataError(
        f"the recipe of {run.folder} has no {split} set; give one with --data, or choose another "
        "--split"
    )


def open_to_judge(
    run: Run,
    tokenizer: Tokenizer,
    data: str | Path | None,
    split: str,
    listeners: Listeners,
    quarantine_path: Path | None = None,
) -> tuple[Dataset | Mixed, Quarantine] | None:
    """The set that a run is judged on; None where its recipe has none of that name.

    Args:
        run: whose recipe says how it is read.
        tokenizer: of the run.
        data: any data; None takes the recipe's own.
        split: which of the recipe's sets.
        listeners: who is told what was guessed.
        quarantine_path: where broken rows are written down; None writes nothing.
    """
    config, learned = run.recipe.data_to_read, run.learned()
    if data is not None:
        quarantine = Quarantine(quarantine_path, 0, config.failure_budget)
        dataset = open_dataset(data, config, tokenizer, quarantine, learned=learned)
        for part in dataset.parts:
            for note in part.source.notes:
                listeners.on_note(note)
        return dataset, quarantine
    seed = run.recipe.seed
    splits = open_splits(config, seed, quarantine_path, tokenizer, splits=[split], learned=learned)
    found = getattr(splits, split, None)
    return (found, splits.quarantine) if isinstance(found, Dataset | Mixed) else None


def _record_probe(run: Run, data: str, probed: Probed, split: str) -> None:
    summary = run.summary()
    assert summary is not None, "a run that has not ended is not judged"
    summary["metrics"] |= {f"{split}/{name}": figure for name, figure in probed.metrics().items()}
    summary["probe"] = summary.get("probe", {}) | {split: {"data": data, **probed.facts()}}
    run.write_summary(summary)


def judge(
    run: Run,
    mixture: Mixture,
    batches: Iterable[Batch],
    samples: int,
    split: str,
    listeners: Listeners,
    withheld: Sequence[tuple[str, ...]] = (),
) -> Evaluation:
    """Figures of a set, by the run's own settings; what is `withheld` stands beside them.

    Args:
        batches: one pass over the set.
        samples: how many it has.
        split: what it is called.
    """
    config = run.recipe.evaluation
    return evaluate_mixture(
        mixture,
        batches,
        config,
        seed=run.recipe.seed,
        withheld=withheld,
        on_batch=lambda done: listeners.on_work(f"evaluating {split}", done, samples),
    )


def judge_all(
    run: Run,
    mixture: Mixture,
    opened: tuple[Dataset | Mixed, Quarantine],
    split: str,
    listeners: Listeners,
    withheld: Sequence[tuple[str, ...]] = (),
) -> Evaluation:
    """Figures of a whole set, as `judge` gives them.

    Args:
        opened: the set, as `open_to_judge` gives it.
        split: what it is called.

    Raises:
        DataError: the run's tasks can be judged by nothing that it has.
    """
    dataset, quarantine = opened
    batches = one_pass(run.recipe, dataset, quarantine)
    judged = judge(run, mixture, batches, len(dataset), split, listeners, withheld)
    if not judged.metrics:
        raise DataError(
            f"{dataset.name} has nothing that the tasks of {run.folder} can be judged by: "
            f"{', '.join(mixture.tasks)}; see what data.fields of its recipe.yaml names"
        )
    return judged


def record(run: Run, judged: Evaluation, dataset: Dataset | Mixed, split: str) -> dict[str, Any]:
    """Put a split's figures into the run's summary, and write its report; the summary."""
    summary = run.summary()
    assert summary is not None, "written before anything is judged"
    figures = {f"{split}/{name}": figure for name, figure in judged.metrics.items()}
    summary["metrics"] |= figures
    found = intervals(judged.tallies, run.recipe.seed)
    own = {f"{split}/{name}": list(interval) for name, interval in found.items()}
    kept = summary.get("intervals", {}).items()
    summary["intervals"] = {name: of for name, of in kept if name not in figures} | own
    summary["judged_samples"] = summary.get("judged_samples", {}) | {split: judged.samples}
    summary["withheld"] = summary.get("withheld", {}) | {split: judged.withheld}
    classes = {task: class_facts(of) for task, of in judged.classes.items()}
    calibrations = {task: calibration_facts(of) for task, of in judged.calibrations.items()}
    for name, facts in (("classes", classes), ("calibration", calibrations)):
        if facts:
            summary[name] = summary.get(name, {}) | {split: facts}
    run.write_summary(summary)
    report(run, summary, judged, dataset)
    return summary


def report(
    run: Run,
    summary: dict[str, Any],
    judged: Evaluation | None = None,
    dataset: Dataset | Mixed | None = None,
) -> None:
    """Write the run's report anew, with examples from the set that was judged last."""
    found: dict[str, Any] = {}
    if judged is not None and dataset is not None:
        seen = _Seen(dataset, judged.ids)
        parts = ["retrieved", "written", "located", "reconstructed"]
        parts += ["mistakes", "classes", "calibrations"]
        found = {part: getattr(judged, part) for part in parts}
        found |= {"show": seen.show, "look": seen.look}
    write_report(
        run.folder / "report.html",
        title=run.recipe.name,
        summary=summary,
        curves=read_metrics(run.folder / METRICS),
        **found,
    )


@dataclass(frozen=True)
class _Seen:
    """The samples of a set as a page shows them, by their numbers in `ids`."""

    dataset: Dataset | Mixed
    ids: Sequence[str]

    def show(self, row: int) -> Shown:
        index = self.dataset.index_of(self.ids[row])
        try:
            image = self.dataset.image_bytes(index) or self.dataset.frame_bytes(index)
        except BrokenSample:
            image = None
        return Shown(self.ids[row], self.dataset.describe(index)["text"], image)

    def look(self, row: int) -> Specimen:
        return self.dataset.specimen(self.dataset.index_of(self.ids[row]))
