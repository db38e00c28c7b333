"""The one training loop.

    for every step: batch -> modality dropout -> tasks prepare and count
                    -> for every part: losses, backward -> clip, AdamW, moving average
                    -> log, validate, checkpoint

Every random number of a step is drawn from a generator seeded by (seed, step), and every batch is
a function of (seed, epoch, position). So the whole state of a run is its tensors, its step and its
position in the data, and a resumed run ends with the same bits.

Over several ranks each has its share of every batch; counts, losses and gradients are summed over
all of them, so that a step is that of one process with the whole batch.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from sensorium import ranks
from sensorium.batch import Batch
from sensorium.errors import RunError, TrainingError
from sensorium.tasks.mixture import Mixture
from sensorium.training.average import MovingAverage
from sensorium.training.best import is_best
from sensorium.training.checkpoint import Checkpoint, Checkpoints, TrainState
from sensorium.training.config import TrainConfig
from sensorium.training.dropout import drop_modalities
from sensorium.training.explosion import Alarm
from sensorium.training.finetune import FinetuneConfig
from sensorium.training.freezing import Thaw, relative_rates, to_training
from sensorium.training.gradients import gradient_norms
from sensorium.training.interrupt import StopRequest
from sensorium.training.log import (
    Interval,
    NoLog,
    ProgressCallback,
    StepLoss,
    TrainingLog,
    ValidationCallback,
)
from sensorium.training.optimizer import build_optimizer, learning_rate_at, set_rate
from sensorium.training.precision import call_in, choose_precision
from sensorium.training.whole_batch import over_ranks, whole_batch

SEEDS_OF_A_RANK = 20_000_003  # more than the steps of a run; a CPU's generator takes 32 bits
LEAST_UNUSABLE = 10  # batches in a row, before data and tasks are said not to fit each other


class Batches(Protocol):
    """An endless supply of batches whose position can be saved."""

    batches_per_epoch: int

    def __iter__(self) -> Iterator[Batch]: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...


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
    finetune: FinetuneConfig | None = None,
    validate: Validate | None = None,
    on_progress: ProgressCallback | None = None,
    on_validation: ValidationCallback | None = None,
) -> Outcome:
    """Train until the end, or until a signal; go on from the newest checkpoint where there is one.

    Args:
        mixture: model and tasks, on the device to compute on.
        batches: the training data.
        config: how.
        folder: the run folder, for checkpoints and figures.
        seed: of everything random.
        finetune: how weights that were trained before learn; the mixture is adapted already. What
            they are at the start is saved as step 0, so that nothing else is needed to go on.
        validate: figures of the current weights; the one named `config.best_metric` chooses the
            best checkpoint, and higher is better.
        on_progress: told at every logged step.
        on_validation: told the figures of every validation; what it raises ends the training.

    Raises:
        TrainingError: a loss that is not finite or that exploded; the samples of the batch are
            named, and the last good checkpoint stays.
        OtherRankError: another rank failed.
    """
    loop = Loop(mixture, batches, config, folder, seed, finetune)
    first = ranks.rank() == 0
    with StopRequest() as stop, TrainingLog(folder, loop.state.step) if first else NoLog() as log:
        return loop.run(stop, log, validate, on_progress, on_validation)


class Loop:
    """A run in progress."""

    def __init__(
        self,
        mixture: Mixture,
        batches: Batches,
        config: TrainConfig,
        folder: Path,
        seed: int,
        finetune: FinetuneConfig | None = None,
    ) -> None:
        self.mixture, self.batches, self.config, self.seed = mixture, batches, config, seed
        self.folder = folder
        self.device = next(mixture.parameters()).device
        self.steps = config.total_steps(batches.batches_per_epoch)
        started = finetune is not None
        finetune = finetune or FinetuneConfig()
        rates = relative_rates(mixture, finetune.layer_decay)
        self.optimizer = build_optimizer(mixture, config, rates)
        self.thaw = Thaw(mixture, finetune.unfreeze_over, self.steps)
        decay = config.moving_average
        self.average = None if decay is None else MovingAverage(mixture, decay)
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.saved = self.checkpoints.newest()
        if self.saved is None:
            precision = choose_precision(config.precision, self.device)
            self.state = TrainState(precision=ranks.everyone(precision)[0])
            if started:
                self._save()
        else:
            self.state = self.saved.restore(mixture, self.optimizer, self.average)
            if len(self.state.data) != ranks.count():
                raise RunError(
                    f"{folder} was trained by {len(self.state.data)} processes and can go on "
                    f"exactly only with as many, not {ranks.count()}: "
                    f"torchrun --nproc-per-node {len(self.state.data)} -m sensorium ..."
                )
            batches.restore(self.state.data[ranks.rank()])
        self.alarm = Alarm(self.state, config.explode_factor, folder)

    def run(
        self,
        stop: StopRequest,
        log: TrainingLog | NoLog,
        validate: Validate | None,
        on_progress: ProgressCallback | None,
        on_validation: ValidationCallback | None = None,
    ) -> Outcome:
        """Step, log, validate and save, to the end or to a signal."""
        supply = iter(self.batches)
        interval = Interval(self.state.step, self.steps)
        unusable_in_a_row = 0
        to_training(self.mixture)
        while self.state.step < self.steps and not self._stopped(stop):
            if self.config.is_stale(self.state.stale_validations):
                break
            started = time.perf_counter()
            with ranks.together():
                batch = next(supply)
            waited = time.perf_counter() - started
            samples = self.state.samples
            losses = self.step(batch)
            self.state.train_seconds += time.perf_counter() - started
            if not losses:
                unusable_in_a_row += 1
                self._check_usable(batch, unusable_in_a_row)
                continue
            unusable_in_a_row = 0
            interval.add(self.state.samples - samples, waited, losses)
            is_last = self.state.step == self.steps
            if is_last or self._due(self.config.log_every_steps):
                log.write(self.state.step, interval.figures(self._rate()))
                if on_progress is not None:
                    on_progress(interval.progress())
                interval = Interval(self.state.step, self.steps)
            is_best = False
            if validate is not None and (is_last or self._due(self.config.validate_every_steps)):
                is_best = self._validate(validate, log, on_validation)
            if is_best or self._due(self.config.checkpoint_every_steps):
                self._save()
        if self.saved is None or self.saved.state().step < self.state.step:  # the end, or a signal
            self._save()
        assert self.saved is not None, "just saved"
        stopped_by = stop.signal if self.state.step < self.steps else None
        return Outcome(self.state, self.saved, stopped_by)

    def _stopped(self, stop: StopRequest) -> bool:
        """Whether any rank got a signal; all of them then stop after the same step."""
        if not sum(ranks.totals([stop.signal is not None])):
            return False
        came = ranks.everyone(stop.signal)
        stop.signal = next(number for number in came if number is not None)
        return True

    def step(self, batch: Batch) -> dict[str, StepLoss]:
        """One optimizer step; the mean loss of each task, over all ranks.

        None of them, and no step, where no task can use any sample of the batch.
        """
        self.thaw.advance(self.state.step)
        torch.manual_seed(self._seed_of_step())
        generator = torch.Generator(self.device).manual_seed(self._seed_of_step())
        batch = batch.to(self.device, non_blocking=True)
        batch = drop_modalities(batch, self.config.modality_dropout, generator)
        prepared = self.mixture.prepare(batch, generator)
        samples, counts = whole_batch(self.mixture, prepared)
        if not counts:
            return {}
        sums = {name: StepLoss() for name in counts}
        due = not self.config.compile and self._due_after(self.config.gradient_norms_every_steps)
        norms = gradient_norms(self.mixture, counts) if due else None
        for part in prepared.split(self.config.accumulate):
            losses = call_in(self.state.precision, self.mixture, part, generator, tuple(counts))
            if not losses:  # what the batch has for the tasks is all in its other parts
                continue
            means = {name: loss.total / counts[name] for name, loss in losses.items()}
            weighted = {name: self.mixture.weights[name] * mean for name, mean in means.items()}
            if norms is not None:
                norms.add(weighted)
            torch.stack(list(weighted.values())).sum().backward()
            for name, loss in losses.items():
                sums[name].add(means[name].item(), loss.correct.item() / counts[name])
        ranks.sum_gradients(self.mixture.parameters())
        sums = over_ranks(sums)
        for name, of_task in (norms.norms() if norms is not None else {}).items():
            sums[name].gradient_norm = of_task
        norm = torch.nn.utils.clip_grad_norm_(
            self.mixture.parameters(), self.config.clip_gradient, foreach=True
        )
        self.alarm.check(sums, self.mixture.weights, norm.item(), batch)
        set_rate(self.optimizer, self._rate())
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.state.step)
        self.state.step += 1
        self.state.samples += samples
        return sums

    def _check_usable(self, batch: Batch, unusable_in_a_row: int) -> None:
        """Stop where nothing comes that any task can use; a batch now and then is no harm."""
        self.state.unusable += 1
        if unusable_in_a_row >= max(LEAST_UNUSABLE, self.batches.batches_per_epoch):
            raise TrainingError(
                f"no task can use any sample of the batch of step {self.state.step + 1}: "
                f"it has {', '.join(batch.inputs)} for tasks {', '.join(self.mixture.tasks)}; "
                "check data.fields against the tasks' modalities"
            )

    def _validate(
        self,
        validate: Validate,
        log: TrainingLog | NoLog,
        on_validation: ValidationCallback | None,
    ) -> bool:
        """Figures of the weights that would be used; whether they are the best so far."""
        if self.average is not None:
            with self.average.in_place():
                figures = ranks.only_first(validate)
        else:
            figures = ranks.only_first(validate)
        to_training(self.mixture)
        log.write(self.state.step, figures)
        if on_validation is not None:
            on_validation(self.state.step, self.steps, figures)
        return is_best(self.state, figures, self.config.best_metric)

    def _save(self) -> None:
        self.state.data = ranks.everyone(self.batches.state())
        ranks.only_first(self._write_checkpoint)
        self.saved = self.checkpoints.of(self.state.step)

    def _write_checkpoint(self) -> None:
        self.checkpoints.save(
            self.mixture, self.optimizer, self.average, self.state, self.config.keep_checkpoints
        )

    def _due(self, every: int | None) -> bool:
        return every is not None and self.state.step % every == 0

    def _due_after(self, every: int | None) -> bool:
        """Whether the step that is being taken is one of every so many."""
        return every is not None and (self.state.step + 1) % every == 0

    def _rate(self) -> float:
        return learning_rate_at(min(self.state.step, self.steps - 1), self.steps, self.config)

    def _seed_of_step(self) -> int:
        drawn = self.state.step + self.state.unusable
        return self.seed * 1_000_003 + drawn + ranks.rank() * SEEDS_OF_A_RANK
