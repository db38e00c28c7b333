"""The runs of a search, one trial after another, each in a run folder of its own.

A trial that falls behind the median of those before it, at the same validation, ends there. What is
under way when the search is killed goes on from its run folder, exactly.
"""

from __future__ import annotations

import math
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sensorium.errors import RecipeError, RunError, TrainingError
from sensorium.evaluation.comparison import reached
from sensorium.evaluation.comparison.headlines import Headline, deciding
from sensorium.recipe import Recipe, parse_recipe
from sensorium.run import Run
from sensorium.training.memory import give_back_memory
from sensorium.verbs.grid import with_values
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import pretrain
from sensorium.verbs.study import OpenTrial, Study

VALIDATIONS = 8
"""Of a trial, evenly on its way, where the recipe does not say when."""

SPLIT = "validation/"


class Pruned(Exception):  # noqa: N818  # no error: the trial is told to end
    """A trial is not worth going on with."""


@dataclass(frozen=True)
class Trials:
    """Train so many trials of a study.

    Attributes:
        folder: of the search.
        study: what was tried, and what is next.
        name: of the recipe.
        tree: of the recipe on equal terms, plain, its length settled.
        rows: to train on, where the length is said in epochs; 0 where nobody knows.
        most: trials.
        metric: the figure that decides, where one is asked for.
        of_fusions: whether it has to depend on the fusion.
        listeners: who is told of progress.
    """

    folder: Path
    study: Study
    name: str
    tree: dict[str, Any]
    rows: int
    most: int
    metric: str | None
    of_fusions: bool
    listeners: Listeners

    def train(self, on_end: Callable[[], object]) -> signal.Signals | None:
        """Train what is not done; the signal that stopped it, if any.

        Args:
            on_end: called whenever a trial has ended.
        """
        threads = torch.get_num_threads()
        for one in self.study.tried():
            self._tidy(one.number, pruned=one.state == "pruned")
        while (trial := self.study.next(self.most)) is not None:
            self.listeners.on_work("searching", trial.number, self.most)
            torch.set_num_threads(threads)  # a trial may have set its own
            give_back_memory()
            stopped_by = self._end(trial)
            if stopped_by is not None:
                return stopped_by
            on_end()
        self.listeners.on_work("searching", self.most, self.most)
        return None

    def place(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / f"trial-{number:03d}"

    def headline(self, metrics: Mapping[str, float]) -> Headline:
        """The figure that decides, among the validation's, by their names without the split.

        Raises:
            RecipeError: it is none of them.
        """
        return deciding(metrics, self.metric, of_fusions=self.of_fusions)

    def _end(self, trial: OpenTrial) -> signal.Signals | None:
        """Bring a trial to its end, and say so in the study."""
        for other in self.study.tried():
            if other.values == trial.values:
                trial.end_as(other)
                return None
        try:
            recipe = self.recipe_of(trial)
            stopped_by = self._train(trial, recipe)
        except (TrainingError, RecipeError) as error:
            trial.fail(str(error))
            self.listeners.on_note(f"trial {trial.number}: {error}")
            return None
        except Pruned:
            trial.prune()
            self._tidy(trial.number, pruned=True)
            return None
        if stopped_by is None:
            run = reached(Run.open(self.place(trial.number)).summary())
            assert run is not None, "a run that was not stopped is judged"
            figure = self.headline(run.metrics).of(run.metrics)
            assert figure is not None, "what decides is among the figures"
            trial.finish(figure)
        return stopped_by

    def _train(self, trial: OpenTrial, recipe: Recipe) -> signal.Signals | None:
        place = self.place(trial.number)
        resume = (place / "recipe.yaml").exists()
        if resume:
            run = Run.open(place)
            if keys := run.differs_from(recipe):
                raise RunError(
                    f"{place} was trained with other settings ({', '.join(keys[:5])}), so the "
                    "search cannot go on with it; choose another --run-dir, or add --overwrite"
                )
            if reached(run.summary()) is not None:  # killed before the study was told
                return None
            recipe = run.recipe
        every = recipe.train.validate_every_steps

        def watch(step: int, steps: int, figures: Mapping[str, float]) -> None:
            own = {name.removeprefix(SPLIT): figure for name, figure in figures.items()}
            figure = self.headline(own).of(own)
            if figure is None or every is None or not math.isfinite(figure):
                return
            better_end = trial.report(-(-step // every), figure)
            if better_end and step < steps:
                raise Pruned

        listeners = replace(self.listeners, on_validation=watch)
        return pretrain(recipe, run_dir=place, resume=resume, listeners=listeners).stopped_by

    def recipe_of(self, trial: OpenTrial) -> Recipe:
        """The recipe of a trial.

        Raises:
            RecipeError: its values contradict each other.
        """
        tree = with_values(self.tree, trial.values)
        recipe = parse_recipe(tree, f"{self.name}, trial {trial.number}")
        train = recipe.train
        if train.validate_every_steps is None:
            batches = self.rows // min(train.batch_size, self.rows) if self.rows else 0
            if train.steps is None and not batches:
                return recipe
            every = max(1, train.total_steps(batches) // VALIDATIONS)
            train = train.model_copy(update={"validate_every_steps": every})
        return recipe.model_copy(update={"train": train})

    def _tidy(self, number: int, *, pruned: bool) -> None:
        """Of a pruned trial the figures stay; its weights are of no use."""
        if pruned:
            shutil.rmtree(self.place(number) / "checkpoints", ignore_errors=True)
