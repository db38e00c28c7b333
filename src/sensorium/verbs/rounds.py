"""The runs of a comparison, one after another, and what they come to so far."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from sensorium.device import choose_device
from sensorium.errors import RunError, TrainingError
from sensorium.evaluation.comparison import Comparison, Contender, Reached, Terms, reached
from sensorium.evaluation.comparison.page import write_comparison
from sensorium.run import Run, versions, write_aside
from sensorium.training.log import METRICS, read_metrics
from sensorium.training.memory import give_back_memory
from sensorium.verbs.grid import Grid, Variant, label, short_keys
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import pretrain

FACTS, PAGE = "comparison.json", "report.html"


@dataclass(frozen=True)
class Rounds:
    """Every variant under the first seed, then every one under the next.

    So whatever is finished when it stops can be compared.

    Attributes:
        folder: of the comparison.
        grid: its variants, their recipes settled.
        seeds: of every variant.
        metric: the figure that decides, where one is asked for.
        settled: what was decided once for all runs, kept in `comparison.json`.
        listeners: who is told of progress.
        failures: (variant, seed) -> why its run broke off.
    """

    folder: Path
    grid: Grid
    seeds: list[int]
    metric: str | None
    settled: dict[str, Any]
    listeners: Listeners
    failures: dict[tuple[str, int], str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse, before anything is trained, to go on with runs of other settings.

        Raises:
            RunError: names the first such run, and what is different.
        """
        for variant in self.grid.variants:
            for seed in self.seeds:
                place = self._place(variant, seed)
                if not (place / "recipe.yaml").exists():
                    continue
                recipe = variant.recipe.model_copy(update={"seed": seed})
                if keys := Run.open(place).differs_from(recipe):
                    raise RunError(
                        f"{place} was trained with other settings ({', '.join(keys[:5])}), so the "
                        "comparison cannot go on with it; choose another --run-dir, or add "
                        "--overwrite to begin anew"
                    )

    def train(self) -> tuple[Comparison, signal.Signals | None]:
        """Train what is not finished; the comparison, and the signal that stopped it, if any.

        Raises:
            RunError: not a single run came to its end.
        """
        threads = torch.get_num_threads()
        self._write()
        runs = [(variant, seed) for seed in self.seeds for variant in self.grid.variants]
        listeners = replace(self.listeners, on_note=self.listeners.each_note_once())
        for done, (variant, seed) in enumerate(runs):
            self.listeners.on_work("comparing", done, len(runs))
            if self._reached(variant, seed) is not None:
                continue
            torch.set_num_threads(threads)  # a variant may have set its own
            give_back_memory()
            try:
                stopped_by = self._train(variant, seed, listeners)
            except TrainingError as error:
                self.failures[variant.name, seed] = str(error)
                self.listeners.on_note(f"{variant.name}, seed {seed}: {error}")
            else:
                if stopped_by is not None:
                    return self._write(), stopped_by
            # Only whole rounds are ranked by, so there is nothing to rewrite in the midst of one.
            if seed == self.seeds[0] or variant is self.grid.variants[-1]:
                comparison = self._write()
        comparison = self._write()
        self.listeners.on_work("comparing", len(runs), len(runs))
        if not comparison.rankings:
            reasons = "; ".join(dict.fromkeys(self.failures.values()))
            raise RunError(f"no variant was trained to its end: {reasons}")
        return comparison, None

    def _train(self, variant: Variant, seed: int, listeners: Listeners) -> signal.Signals | None:
        place = self._place(variant, seed)
        resume = (place / "recipe.yaml").exists()
        recipe = variant.recipe.model_copy(update={"seed": seed})
        recipe = Run.open(place).recipe if resume else recipe
        return pretrain(recipe, run_dir=place, resume=resume, listeners=listeners).stopped_by

    def _write(self) -> Comparison:
        """Rank what is finished, and write it down."""
        contenders = [self._contender(variant) for variant in self.grid.variants]
        comparison = Comparison.of(self._terms(contenders), contenders, self.metric)
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {"settled": self.settled, **comparison.facts()}
        write_aside(self.folder / FACTS, json.dumps(facts, indent=1, ensure_ascii=False))
        if comparison.rankings:
            curves = {
                variant.name: [
                    read_metrics(self._place(variant, seed) / METRICS) for seed in contender.runs
                ]
                for variant, contender in zip(self.grid.variants, contenders, strict=True)
            }
            write_comparison(self.folder / PAGE, comparison, curves)
        return comparison

    def _contender(self, variant: Variant) -> Contender:
        found = {seed: self._reached(variant, seed) for seed in self.seeds}
        runs = {seed: run for seed, run in found.items() if run is not None}
        failures = {seed: why for (of, seed), why in self.failures.items() if of == variant.name}
        return Contender(variant.name, variant.folder, runs, failures)

    def _reached(self, variant: Variant, seed: int) -> Reached | None:
        place = self._place(variant, seed)
        return reached(Run.open(place).summary()) if (place / "recipe.yaml").exists() else None

    def _place(self, variant: Variant, seed: int) -> Path:
        return self.folder / variant.folder / f"seed={seed}"

    def _terms(self, contenders: Sequence[Contender]) -> Terms:
        grid, recipe = self.grid, self.grid.variants[0].recipe
        short, share = short_keys(grid.axes), recipe.data.validation_share
        cut = recipe.data.validation is None
        return Terms(
            recipe=grid.name,
            axes={
                short[key]: [label(value) for value in values] for key, values in grid.axes.items()
            },
            of_fusions=grid.of_fusions,
            seeds=self.seeds,
            budget=None if grid.budget is None else grid.budget.told,
            held_out=_held_out(contenders, cut),
            overlap=share / (1 - share) if cut else 0.0,
            left_out=grid.left_out,
            kept=grid.kept,
            facts={
                "Device": str(choose_device(recipe.train.device)),
                "Threads": str(recipe.train.threads or torch.get_num_threads()),
                "Precision": recipe.train.precision,
                "Seeds": ", ".join(map(str, self.seeds)),
                "Versions": ", ".join(f"{name} {of}" for name, of in versions().items()),
            },
        )


def _held_out(contenders: Sequence[Contender], cut: bool) -> str:
    """What variants are judged on, in words; how many rows a share is differs by seed."""
    counts = sorted({run.samples for one in contenders for run in one.runs.values()})
    rows = (
        f"{counts[0]:,} to {counts[-1]:,} rows"
        if len(counts) > 1
        else f"{counts[0]:,} rows"
        if counts
        else "rows"
    )
    if not cut:
        return f"the {rows} of the validation set"
    return f"{rows} held out of the training set, other ones under each seed"
