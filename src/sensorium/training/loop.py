"""The one training loop.

    for every step: batch -> tasks prepare and count -> for every part: losses, backward
                    -> clip, AdamW, moving average -> log, validate, checkpoint

Every random number of a step is drawn from a generator seeded by (seed, step), and every batch is
a function of (seed, epoch, position). So the whole state of a run is its tensors, its step and its
position in the data, and a resumed run ends with the same bits.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from sensorium.batch import Batch
from sensorium.errors import TrainingError
from sensorium.tasks.mixture import Mixture
from sensorium.training.average import MovingAverage
from sensorium.training.checkpoint import Checkpoint, Checkpoints, TrainState
from sensorium.training.config import TrainConfig
from sensorium.training.interrupt import StopRequest
from sensorium.training.log import Interval, ProgressCallback, StepLoss, TrainingLog
from sensorium.training.optimizer import build_optimizer, learning_rate_at
from sensorium.training.precision import call_in, choose_precision

FAILED_BATCH = "failed_batch.json"
STEPS_BEFORE_EXPLOSION_COUNTS = 20  # the first losses are those of a random model
MEAN_LOSS_DECAY = 0.95


class Batches(Protocol):
    """An endless supply of batches whose position can be saved."""

    batches_per_epoch: int

    def __iter__(self) -> Iterator[Batch]: ...
    def state(self) -> dict[str, int]: ...
    def restore(self, state: dict[str, int]) -> None: ...


Validate = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended.

    Attributes:
        state: where the run is.
        checkpoint: the last one written.
        stopped_by: the signal that stopped the run before its end, if one did.
    """

    state: TrainState
    checkpoint: Checkpoint
    stopped_by: signal.Signals | None


def train(
    mixture: Mixture,
    batches: Batches,
    config: TrainConfig,
    folder: Path,
    *,
    seed: int,
    validate: Validate | None = None,
    on_progress: ProgressCallback | None = None,
) -> Outcome:
    """Train until the end, or until a signal; go on from the newest checkpoint where there is one.

    Args:
        mixture: model and tasks, on the device to compute on.
        batches: the training data.
        config: how.
        folder: the run folder, for checkpoints and figures.
        seed: of everything random.
        validate: figures of the current weights; the one named `config.best_metric` chooses the
            best checkpoint, and higher is better.
        on_progress: told at every logged step.

    Raises:
        TrainingError: a loss that is not finite or that exploded; the samples of the batch are
            named, and the last good checkpoint stays.
    """
    loop = Loop(mixture, batches, config, folder, seed)
    with StopRequest() as stop, TrainingLog(folder, loop.state.step) as log:
        return loop.run(stop, log, validate, on_progress)


class Loop:
    """A run in progress."""

    def __init__(
        self, mixture: Mixture, batches: Batches, config: TrainConfig, folder: Path, seed: int
    ) -> None:
        self.mixture, self.batches, self.config, self.seed = mixture, batches, config, seed
        self.folder = folder
        self.device = next(mixture.parameters()).device
        self.steps = config.total_steps(batches.batches_per_epoch)
        self.optimizer = build_optimizer(mixture, config)
        decay = config.moving_average
        self.average = None if decay is None else MovingAverage(mixture, decay)
        self.checkpoints = Checkpoints(folder / "checkpoints")
        newest = self.checkpoints.newest()
        if newest is None:
            self.state = TrainState(precision=choose_precision(config.precision, self.device))
        else:
            self.state = newest.restore(mixture, self.optimizer, self.average)
            batches.restore(self.state.data)

    def run(
        self,
        stop: StopRequest,
        log: TrainingLog,
        validate: Validate | None,
        on_progress: ProgressCallback | None,
    ) -> Outcome:
        """Step, log, validate and save, to the end or to a signal."""
        supply = iter(self.batches)
        interval = Interval(self.state.step, self.steps)
        self.mixture.train()
        while self.state.step < self.steps and stop.signal is None:
            started = time.perf_counter()
            batch = next(supply)
            waited = time.perf_counter() - started
            losses = self.step(batch)
            self.state.train_seconds += time.perf_counter() - started
            interval.add(len(batch), waited, losses)
            is_last = self.state.step == self.steps
            if is_last or self._due(self.config.log_every_steps):
                log.write(self.state.step, interval.figures(self._rate()))
                if on_progress is not None:
                    on_progress(interval.progress())
                interval = Interval(self.state.step, self.steps)
            is_best = False
            if validate is not None and (is_last or self._due(self.config.validate_every_steps)):
                is_best = self._validate(validate, log)
            if is_best or self._due(self.config.checkpoint_every_steps):
                self._save()
        newest = self.checkpoints.newest()
        if newest is None or newest.state().step < self.state.step:  # the end, or a signal
            newest = self._save()
        return Outcome(self.state, newest, stop.signal if self.state.step < self.steps else None)

    def step(self, batch: Batch) -> dict[str, StepLoss]:
        """One optimizer step; the mean loss of each task."""
        torch.manual_seed(self._seed_of_step())
        generator = torch.Generator(self.device).manual_seed(self._seed_of_step())
        prepared = self.mixture.prepare(batch.to(self.device, non_blocking=True), generator)
        counts = self.mixture.counts(prepared)
        if not counts:
            raise TrainingError(
                f"no task can use any sample of the batch of step {self.state.step + 1}: "
                f"it has {', '.join(prepared.inputs)} for tasks {', '.join(self.mixture.tasks)}; "
                "check data.fields against the tasks' modalities"
            )
        sums = {name: StepLoss() for name in counts}
        for part in prepared.split(self.config.accumulate):
            losses = call_in(self.state.precision, self.mixture, part, generator)
            if not losses:  # what the batch has for the tasks is all in its other parts
                continue
            means = {name: loss.total / counts[name] for name, loss in losses.items()}
            torch.stack(
                [self.mixture.weights[n] * mean for n, mean in means.items()]
            ).sum().backward()
            for name, loss in losses.items():
                sums[name].add(means[name].item(), loss.correct.item() / counts[name])
        norm = torch.nn.utils.clip_grad_norm_(
            self.mixture.parameters(), self.config.clip_gradient, foreach=True
        )
        self._check(sums, norm.item(), batch)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.state.step)
        self.state.step += 1
        self.state.samples += len(batch)
        return sums

    def _check(self, losses: dict[str, StepLoss], norm: float, batch: Batch) -> None:
        """Stop before a bad gradient reaches the weights."""
        total = sum(self.mixture.weights[name] * loss.mean for name, loss in losses.items())
        mean, limit = self.state.mean_loss, self.config.explode_factor
        counted = self.state.step >= STEPS_BEFORE_EXPLOSION_COUNTS
        if not math.isfinite(total) or not math.isfinite(norm):
            what = f"the loss is {total} and the gradient's norm {norm}"
        elif mean is not None and counted and total > limit * mean:
            what = f"the loss is {total:.4g}, over {limit:g} times its running mean {mean:.4g}"
        else:
            mean = total if mean is None else mean
            self.state.mean_loss = MEAN_LOSS_DECAY * mean + (1 - MEAN_LOSS_DECAY) * total
            return
        path = self.folder / FAILED_BATCH
        means = {name: f"{loss.mean:.4g}" for name, loss in losses.items()}  # JSON has no NaN
        facts = {"step": self.state.step + 1, "losses": means, "samples": list(batch.ids)}
        path.write_text(json.dumps(facts, indent=1, ensure_ascii=False))
        shown = ", ".join(list(batch.ids)[:5])
        raise TrainingError(
            f"step {self.state.step + 1}: {what} "
            f"({', '.join(f'{name} {mean}' for name, mean in means.items())}). "
            f"Samples of the batch: {shown}, ... all {len(batch)} in {path}. "
            "The last checkpoint is kept. Try a smaller train.learning_rate or a longer "
            "train.warmup, or look at those samples"
        )

    def _validate(self, validate: Validate, log: TrainingLog) -> bool:
        """Figures of the weights that would be used; whether they are the best so far."""
        if self.average is not None:
            with self.average.in_place():
                figures = validate()
        else:
            figures = validate()
        self.mixture.train()
        log.write(self.state.step, figures)
        name = self.config.best_metric
        if name is None:
            return False
        if name not in figures:
            raise TrainingError(
                f"train.best_metric={name} is not among the validation figures: "
                + ", ".join(sorted(figures))
            )
        if self.state.best_figure is None or figures[name] > self.state.best_figure:
            self.state.best_figure, self.state.best_step = figures[name], self.state.step
            return True
        return False

    def _save(self) -> Checkpoint:
        self.state.data = self.batches.state()
        return self.checkpoints.save(
            self.mixture, self.optimizer, self.average, self.state, self.config.keep_checkpoints
        )

    def _due(self, every: int | None) -> bool:
        return every is not None and self.state.step % every == 0

    def _rate(self) -> float:
        return learning_rate_at(min(self.state.step, self.steps - 1), self.steps, self.config)

    def _seed_of_step(self) -> int:
        return self.seed * 1_000_003 + self.state.step
