"""A run folder -> a model that answers. This brings all of training with it."""

from __future__ import annotations

from pathlib import Path

import torch

from sensorium.deployment.trained import Trained
from sensorium.run import Run


def open_run(folder: Path, device: torch.device) -> Trained:
    """The trained model of a run.

    Raises:
        RunError: there is no run, or nothing was saved yet.
    """
    run = Run.open(folder)
    mixture, tokenizer = run.mixture(device)
    data = run.recipe.data_to_read
    return Trained(folder, run.recipe.name, mixture, tokenizer, data, run.learned())
