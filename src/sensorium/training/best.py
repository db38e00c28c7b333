"""Which validation was the best, and how long ago."""

from __future__ import annotations

from collections.abc import Mapping

from sensorium.errors import TrainingError
from sensorium.training.checkpoint import TrainState


def is_best(state: TrainState, figures: Mapping[str, float], name: str | None) -> bool:
    """Whether figures of a validation are the best so far; it is kept in the state.

    Args:
        state: of the run, at the step that was validated.
        figures: what came out.
        name: of the one that decides, the higher the better; None: none does.

    Raises:
        TrainingError: there is no such figure.
    """
    if name is None:
        return False
    if name not in figures:
        raise TrainingError(
            f"train.best_metric={name} is not among the validation figures: "
            + ", ".join(sorted(figures))
        )
    if state.best_figure is None or figures[name] > state.best_figure:
        state.best_figure, state.best_step = figures[name], state.step
        state.stale_validations = 0
        return True
    state.stale_validations += 1
    return False
