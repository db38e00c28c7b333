"""The study of a search: which values were tried, how far they came, and which to try next.

It is Optuna's, in `study.db` of the search's folder. What is drawn for a trial depends on the
recipe's seed, the trial's number and what was found before it alone, so a search that was killed
draws the same as one that was not; and the trial that was under way then is still there.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sensorium.errors import MissingDependencyError
from sensorium.evaluation.search import State, Tried
from sensorium.verbs.grid import label
from sensorium.verbs.space import Choice, Range, Space

STUDY = "study.db"
AT_RANDOM = 6  # trials before the sampler looks at what was found
TRIALS_BEFORE_PRUNING, FIRST_VALIDATION_TO_PRUNE_AT = 4, 2
LEAST_FOR_IMPORTANCES = 6
VALUES, WHY, SAME_AS, OWN = "values", "why", "same as", "the recipe's own"


class Study:
    """Trials in a file.

    Args:
        folder: of the search.
        space: where it looks.
        seed: of what is drawn.
        lower_is_better: of the figure.

    Raises:
        MissingDependencyError: Optuna is not installed.
    """

    def __init__(self, folder: Path, space: Space, seed: int, *, lower_is_better: bool) -> None:
        self._optuna = library()
        self._space, self._seed = space, seed
        self._study = self._optuna.create_study(
            storage=f"sqlite:///{(folder / STUDY).resolve()}",
            study_name="search",
            direction="minimize" if lower_is_better else "maximize",
            pruner=self._optuna.pruners.MedianPruner(
                n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=FIRST_VALIDATION_TO_PRUNE_AT
            ),
            load_if_exists=True,
        )

    def begin_with(self, values: Mapping[str, Any]) -> None:
        """Have a new study try these values first, where it may look there."""
        drawn = {key: self._space[key].drawn_as(value) for key, value in values.items()}
        if not self._study.trials and None not in drawn.values():
            self._study.enqueue_trial(drawn, user_attrs={OWN: True})

    def next(self, most: int) -> OpenTrial | None:
        """The trial that is under way, or a new one; None where so many are done."""
        states = self._optuna.trial.TrialState
        running = self._study.get_trials(states=(states.RUNNING,))
        number = running[0].number if running else len(self.tried())
        if number >= most:
            return None
        self._study.sampler = self._optuna.samplers.TPESampler(
            n_startup_trials=AT_RANDOM, seed=self._seed * 1_000_003 + number
        )
        if running:
            trial = self._optuna.trial.Trial(self._study, running[0]._trial_id)
        else:
            trial = self._study.ask()
        values = {key: _drawn(trial, key, of) for key, of in self._space.items()}
        if trial.user_attrs.get(VALUES) != values:
            trial.set_user_attr(VALUES, values)
        return OpenTrial(self._study, trial, values)

    def tried(self) -> list[Tried]:
        """What has ended, in its order."""
        states = self._optuna.trial.TrialState
        words: dict[Any, State] = {
            states.COMPLETE: "finished",
            states.PRUNED: "pruned",
            states.FAIL: "failed",
        }
        return [
            Tried(
                number=trial.number,
                values=(values := trial.user_attrs[VALUES]),
                words={key: label(value) for key, value in values.items()},
                state=words[trial.state],
                figure=trial.value if trial.state == states.COMPLETE else None,
                on_the_way=[f for _, f in sorted(trial.intermediate_values.items())],
                why=trial.user_attrs.get(WHY, ""),
                same_as=trial.user_attrs.get(SAME_AS),
                own=OWN in trial.user_attrs,
            )
            for trial in self._study.trials
            if trial.state in words
        ]

    def importances(self) -> dict[str, float]:
        """Key -> how much of the figure's differences it explains, all together 1; empty where too
        few trials or keys tell.

        Source: Watanabe et al. 2023, "PED-ANOVA".
        """
        finished = [one for one in self.tried() if one.state == "finished"]
        figures = {one.figure for one in finished}
        few = len(finished) < LEAST_FOR_IMPORTANCES
        if few or len(self._space) < 2 or len(figures) < 2:
            return {}
        importance = self._optuna.importance
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            evaluator = importance.PedAnovaImportanceEvaluator()
        return dict(importance.get_param_importances(self._study, evaluator=evaluator))


class OpenTrial:
    """A trial that is under way.

    Attributes:
        number: from 0.
        values: recipe key -> value.
    """

    def __init__(self, study: Any, trial: Any, values: dict[str, Any]) -> None:
        self.number, self.values = trial.number, values
        self._study, self._trial = study, trial
        self._told = set(study.trials[trial.number].intermediate_values)

    def report(self, validation: int, figure: float) -> bool:
        """Tell the figure of a validation, by its number; whether the trial had better end.

        One that was told before a kill is not told again, but what follows from it is the same.
        """
        if validation not in self._told:
            self._trial.report(figure, validation)
            self._told.add(validation)
        return validation == max(self._told) and self._trial.should_prune()

    def finish(self, figure: float) -> None:
        self._study.tell(self._trial, figure)

    def prune(self) -> None:
        self._study.tell(self._trial, state=library().trial.TrialState.PRUNED)

    def fail(self, why: str) -> None:
        self._trial.set_user_attr(WHY, why)
        self._study.tell(self._trial, state=library().trial.TrialState.FAIL)

    def end_as(self, other: Tried) -> None:
        """As an earlier trial of the same values ended."""
        self._trial.set_user_attr(SAME_AS, other.number)
        if other.state == "finished":
            assert other.figure is not None, "what is finished has a figure"
            self.finish(other.figure)
        elif other.state == "pruned":
            for validation, figure in enumerate(other.on_the_way, start=1):
                self.report(validation, figure)
            self.prune()
        else:
            self.fail(other.why)


def library() -> Any:
    """Optuna, which speaks only of what goes wrong.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        optuna = import_module("optuna")
    except ImportError as error:
        raise MissingDependencyError(
            "a search draws its trials by the package optuna, which is not installed; install it "
            'by: pip install "sensorium[search]"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _drawn(trial: Any, key: str, where: Range | Choice) -> Any:
    """The value of a key; the same again in a trial that has one."""
    if isinstance(where, Choice):
        return where.value_of(trial.suggest_categorical(key, where.labels))
    if where.whole:
        low, high = int(where.low), int(where.high)
        return where.value_of(trial.suggest_int(key, low, high, log=where.log))
    return where.value_of(trial.suggest_float(key, where.low, where.high, log=where.log))
