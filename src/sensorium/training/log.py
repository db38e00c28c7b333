"""What a run writes down while it trains: `metrics.jsonl`, TensorBoard events, a progress line."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        step: optimizer steps done.
        steps: optimizer steps in all.
        samples_per_second: over the last interval.
        eta_seconds: left, at that speed.
        losses: task -> mean loss over the last interval.
        data_wait: share of the interval's time spent waiting for data.
    """

    step: int
    steps: int
    samples_per_second: float
    eta_seconds: float
    losses: dict[str, float]
    data_wait: float

    def facts(self) -> str:
        """Losses, speed and waiting time, for people."""
        losses = "  ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        return f"{losses}  {self.samples_per_second:.0f} samples/s  data wait {self.data_wait:.0%}"

    def line(self) -> str:
        """The same with the step and the time left."""
        minutes, seconds = divmod(round(self.eta_seconds), 60)
        return f"step {self.step}/{self.steps}  {self.facts()}  {minutes}:{seconds:02d} left"


ProgressCallback = Callable[[Progress], None]
ValidationCallback = Callable[[int, int, Mapping[str, float]], None]
"""(step, steps in all, figures)."""


@dataclass
class StepLoss:
    """A task's mean loss and the share of its items predicted rightly, in one step.

    Attributes:
        gradient_norm: of its weighted gradient on what all tasks share, in steps that measure it.
    """

    mean: float = 0.0
    accuracy: float = 0.0
    gradient_norm: float | None = None

    def add(self, mean: float, accuracy: float) -> None:
        """Take in a part of the step's batch, already divided by the whole batch's count."""
        self.mean += mean
        self.accuracy += accuracy


class Interval:
    """Sums since the last line of the log.

    Args:
        first_step: optimizer steps done before it.
        steps: optimizer steps in all.
    """

    def __init__(self, first_step: int, steps: int) -> None:
        self.first_step, self.steps = first_step, steps
        self.started = time.perf_counter()
        self.samples = 0
        self.waited_seconds = 0.0
        self.losses: dict[str, list[StepLoss]] = defaultdict(list)
        self.count = 0

    def add(self, samples: int, waited_seconds: float, losses: Mapping[str, StepLoss]) -> None:
        """Take in one step."""
        self.count += 1
        self.samples += samples
        self.waited_seconds += waited_seconds
        for name, loss in losses.items():
            self.losses[name].append(loss)

    def progress(self) -> Progress:
        seconds = max(time.perf_counter() - self.started, 1e-9)
        done = self.first_step + self.count
        return Progress(
            step=done,
            steps=self.steps,
            samples_per_second=self.samples / seconds,
            eta_seconds=(self.steps - done) * seconds / self.count,
            losses={n: sum(x.mean for x in xs) / len(xs) for n, xs in self.losses.items()},
            data_wait=self.waited_seconds / seconds,
        )

    def figures(self, learning_rate: float) -> dict[str, float]:
        """What goes to `metrics.jsonl` and TensorBoard."""
        progress = self.progress()
        figures = {f"train/{name}/loss": loss for name, loss in progress.losses.items()}
        for name, losses in self.losses.items():
            figures[f"train/{name}/accuracy"] = sum(x.accuracy for x in losses) / len(losses)
            norms = [x.gradient_norm for x in losses if x.gradient_norm is not None]
            if norms:
                figures[f"train/{name}/gradient_norm"] = sum(norms) / len(norms)
        figures["train/learning_rate"] = learning_rate
        figures["train/samples_per_second"] = progress.samples_per_second
        figures["train/data_wait"] = progress.data_wait
        return figures


class TrainingLog:
    """Writes figures by step to `metrics.jsonl` and TensorBoard, in a run folder.

    Args:
        folder: the run folder.
        resumed_step: figures of later steps, left by a run that was killed, are dropped.
    """

    def __init__(self, folder: Path, resumed_step: int) -> None:
        # TensorBoard takes a second to import, which only a run that trains should pay
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / METRICS
        kept = [row for row in read_metrics(self.path) if row["step"] <= resumed_step]
        aside = self.path.with_name(METRICS + ".partial")
        aside.write_text("".join(json.dumps(row) + "\n" for row in kept))
        os.replace(aside, self.path)
        self.file = self.path.open("a")
        self.board = SummaryWriter(str(folder), purge_step=resumed_step + 1)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Add the figures of a step, named as in `train/contrastive/loss`."""
        self.file.write(json.dumps({"step": step, **figures}) + "\n")
        self.file.flush()
        for name, figure in figures.items():
            self.board.add_scalar(name, figure, step)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()
        self.board.close()


class NoLog:
    """Writes nothing: the log of every rank but the first."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        pass

    def __enter__(self) -> NoLog:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of `metrics.jsonl`; a last line that a kill cut off is left out."""
    rows = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows
