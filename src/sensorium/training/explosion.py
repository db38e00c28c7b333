"""A loss that is not finite, or that exploded, stops the training before it reaches the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sensorium import ranks
from sensorium.batch import Batch
from sensorium.errors import TrainingError
from sensorium.training.checkpoint import TrainState
from sensorium.training.log import StepLoss

FAILED_BATCH = "failed_batch.json"
STEPS_BEFORE_IT_COUNTS = 20  # the first losses are those of a random model
MEAN_DECAY = 0.95


class Alarm:
    """Watches the losses of a run.

    Args:
        state: holds the running mean of the loss.
        factor: over how many times that mean a loss has exploded.
        folder: of the run, where the batch is named that did it.
    """

    def __init__(self, state: TrainState, factor: float, folder: Path) -> None:
        self.state = state
        self.factor = factor
        self.path = folder / FAILED_BATCH

    def check(
        self,
        losses: Mapping[str, StepLoss],
        weights: Mapping[str, float],
        norm: float,
        batch: Batch,
    ) -> None:
        """Look at a step before it is taken.

        Args:
            losses: of each task.
            weights: of the same.
            norm: of the gradient.
            batch: this rank's, to name its samples.

        Raises:
            TrainingError: names the samples; the state is as it was.
        """
        total = sum(weights[name] * loss.mean for name, loss in losses.items())
        mean, step = self.state.mean_loss, self.state.step
        if not math.isfinite(total) or not math.isfinite(norm):
            self._stop(f"the loss is {total} and the gradient's norm {norm}", losses, batch)
        if mean is not None and step >= STEPS_BEFORE_IT_COUNTS and total > self.factor * mean:
            over = f"over {self.factor:g} times its running mean {mean:.4g}"
            self._stop(f"the loss is {total:.4g}, {over}", losses, batch)
        mean = total if mean is None else mean
        self.state.mean_loss = MEAN_DECAY * mean + (1 - MEAN_DECAY) * total

    def _stop(self, what: str, losses: Mapping[str, StepLoss], batch: Batch) -> NoReturn:
        step = self.state.step + 1
        means = {name: f"{loss.mean:.4g}" for name, loss in losses.items()}  # JSON has no NaN
        ids = [id for of_rank in ranks.everyone(list(batch.ids)) for id in of_rank]
        facts = {"step": step, "losses": means, "samples": ids}
        if ranks.rank() == 0:
            self.path.write_text(json.dumps(facts, indent=1, ensure_ascii=False))
        said = ", ".join(f"{name} {mean}" for name, mean in means.items())
        raise TrainingError(
            f"step {step}: {what} ({said}). "
            f"Samples of the batch: {', '.join(ids[:5])}, ... all {len(ids)} in {self.path}. "
            "The last checkpoint is kept. Try a smaller train.learning_rate or a longer "
            "train.warmup, or look at those samples"
        )
