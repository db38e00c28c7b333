"""Checkpoints that survive a kill at any moment: safetensors and JSON, written aside and renamed.

    checkpoints/step-00000500/
      weights.safetensors      the weights as trained
      average.safetensors      their moving average, where the recipe asks for one
      low_rank.safetensors     the matrices that have low-rank updates (LoRA) and these, where there
                               are any: the two files above hold them merged, to be used as they are
      optimizer.safetensors    AdamW's two moments and step count of every parameter
      state.json               step, position in the data, best validation, seconds trained

A folder under its final name is whole; one that ends in `.partial` was cut off and is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sensorium.errors import RunError
from sensorium.layers.lora import low_rank_maps, plain_weights
from sensorium.training.average import MovingAverage
from sensorium.training.precision import Precision
from sensorium.weights import load_weights

WEIGHTS, AVERAGE, LOW_RANK, OPTIMIZER, STATE = (
    "weights.safetensors",
    "average.safetensors",
    "low_rank.safetensors",
    "optimizer.safetensors",
    "state.json",
)


@dataclass
class TrainState:
    """All that a run needs, beside its tensors, to go on as if it had never stopped.

    Attributes:
        step: optimizer steps done.
        data: position of the loader of each rank, as it gave it.
        precision: what the run computes in, decided once.
        samples: seen so far, over all epochs.
        unusable: batches that were left out, because no task could use any sample of them.
        train_seconds: spent in steps and waiting for data, over all sittings.
        mean_loss: running mean, against which an exploding loss is measured; None at the start.
        best_step: step with the best validation figure; None before the first.
        best_figure: that figure.
        stale_validations: since then.
    """

    step: int = 0
    data: list[dict[str, Any]] = field(default_factory=list)
    precision: Precision = "float32"
    samples: int = 0
    unusable: int = 0
    train_seconds: float = 0.0
    mean_loss: float | None = None
    best_step: int | None = None
    best_figure: float | None = None
    stale_validations: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """One whole checkpoint on disk."""

    path: Path

    def state(self) -> TrainState:
        return TrainState(**json.loads((self.path / STATE).read_text()))

    def weights(self) -> dict[str, Tensor]:
        """The weights as trained, low-rank updates merged."""
        return load_file(self.path / WEIGHTS)

    def inference_weights(self) -> dict[str, Tensor]:
        """The weights to use: the moving average where there is one, of what is averaged."""
        average = self.path / AVERAGE
        if not average.exists():
            return load_file(self.path / WEIGHTS)
        weights = load_file(average)
        with safe_open(self.path / WEIGHTS, "pt") as saved:
            buffers = set(saved.keys()) - weights.keys()
            return weights | {name: saved.get_tensor(name) for name in buffers}

    def fingerprint(self) -> str:
        """SHA-256 of the file with the weights to use."""
        average = self.path / AVERAGE
        path = average if average.exists() else self.path / WEIGHTS
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def restore(
        self, module: nn.Module, optimizer: torch.optim.Optimizer, average: MovingAverage | None
    ) -> TrainState:
        """Put everything back as it was when the checkpoint was written.

        Raises:
            RunError: where the weights are not those of this module.
        """
        load_weights(module, load_file(self.path / WEIGHTS) | self._low_rank(WEIGHTS), self.path)
        optimizer.load_state_dict(_optimizer_state(optimizer, load_file(self.path / OPTIMIZER)))
        if average is not None:
            average.load(load_file(self.path / AVERAGE) | self._low_rank(AVERAGE))
        return self.state()

    def _low_rank(self, of: str) -> dict[str, Tensor]:
        """What is merged in one of the files, as it was before."""
        path, prefix = self.path / LOW_RANK, f"{of}:"
        saved = load_file(path) if path.exists() else {}
        return {n.removeprefix(prefix): x for n, x in saved.items() if n.startswith(prefix)}


class Checkpoints:
    """The `checkpoints` folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Checkpoint]:
        """Every whole checkpoint, oldest first."""
        if not self.folder.is_dir():
            return []
        return [Checkpoint(path) for path in sorted(self.folder.glob("step-*[0-9]"))]

    def newest(self) -> Checkpoint | None:
        found = self.all()
        return found[-1] if found else None

    def to_use(self) -> Checkpoint:
        """The best checkpoint where validation chose one, else the newest.

        Raises:
            RunError: where there is none.
        """
        newest = self.newest()
        if newest is None:
            raise RunError(
                f"no checkpoint in {self.folder}: the run stopped before its first one; train it "
                "again, or set a smaller train.checkpoint_every_steps"
            )
        best = newest.state().best_step
        return newest if best is None else self.of(best)

    def save(
        self,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: MovingAverage | None,
        state: TrainState,
        keep: int,
    ) -> Checkpoint:
        """Write a checkpoint of `state.step`, then drop all but the newest `keep` and the best."""
        final = self._path(state.step)
        partial = final.with_name(final.name + ".partial")
        self._clear_partial()
        partial.mkdir(parents=True)
        trained = {WEIGHTS: module.state_dict()} | ({AVERAGE: average.weights} if average else {})
        for name, weights in trained.items():
            save_file(_tensors(plain_weights(module, weights)), partial / name)
        if low_rank := _low_rank_tensors(module, trained):
            save_file(_tensors(low_rank), partial / LOW_RANK)
        save_file(_optimizer_tensors(optimizer), partial / OPTIMIZER)
        (partial / STATE).write_text(json.dumps(asdict(state), indent=1))
        for path in partial.iterdir():
            _flush_to_disk(path)
        if final.exists():  # a resumed run that comes by the same step again
            shutil.rmtree(final)
        partial.rename(final)
        _flush_to_disk(self.folder)
        kept = {checkpoint.path for checkpoint in self.all()[-keep:]}
        if state.best_step is not None:
            kept.add(self._path(state.best_step))
        for checkpoint in self.all():
            if checkpoint.path not in kept:
                shutil.rmtree(checkpoint.path)
        return Checkpoint(final)

    def of(self, step: int) -> Checkpoint:
        """The checkpoint of a step, there or not."""
        return Checkpoint(self._path(step))

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _clear_partial(self) -> None:
        for path in self.folder.glob("*.partial"):
            shutil.rmtree(path)


def _tensors(named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in named.items()}


def _low_rank_tensors(
    module: nn.Module, trained: dict[str, dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What `plain_weights` merges, as `<file>:<name>` -> tensor."""
    names = [f"{name}.{x}" for name, _ in low_rank_maps(module) for x in ("weight", "up", "down")]
    return {f"{of}:{name}": weights[name] for of, weights in trained.items() for name in names}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """AdamW's state as `<parameter number>.<what>` -> tensor."""
    state = optimizer.state_dict()["state"]
    return _tensors({f"{i}.{what}": x for i, entry in state.items() for what, x in entry.items()})


def _optimizer_state(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, what = name.split(".")
        state.setdefault(int(number), {})[what] = value
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
