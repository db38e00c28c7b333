"""A run to serve, of the embedded world, trained for one step: what it says does not matter."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import sensorium

FEW = (
    "world.train=64",
    "world.validation=1",
    "world.test=16",
    "train.steps=1",
    "train.epochs=null",
)


def served_run(folder: Path, recipe: str, overrides: Sequence[str] = ()) -> Path:
    """Such a run by a shipped recipe of the world, in `folder`; its scenes lie beside it."""
    if folder.exists():
        shutil.rmtree(folder)
    scenes = folder.with_name(folder.name + "-scenes")
    said = [*FEW, f"data.root={scenes.resolve()}", "train.device=cpu", *overrides]
    sensorium.pretrain(recipe, said, run_dir=folder)
    return folder
