"""Open what was trained, a run or a bundle, ready to be asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast, get_args

import torch

from sensorium.batch import Batch
from sensorium.deployment.bundle.manifest import is_bundle
from sensorium.deployment.bundle.open import Bundle
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.deployment.graphs.samples import batch_of
from sensorium.deployment.half import Wanted, settle_precision
from sensorium.deployment.predictor import Predictor
from sensorium.deployment.trained import Trained
from sensorium.device import choose_device
from sensorium.errors import DataError


def load(folder: str | Path, *, device: str = "auto", precision: str = "float32") -> Predictor:
    """A trained model, ready to be asked.

        model = sensorium.load("runs/mine")
        model.predict(image="cat.jpg")

    Args:
        folder: of a run or of a bundle.
        device: where to compute.
        precision: float32, whose answers are the same everywhere; bfloat16; or `auto`, which takes
            the faster of the two where they say the same within a hundredth.

    Raises:
        SensoriumError: there is neither, no such device, or nothing was saved yet.
    """
    return open_trained(folder, device=device, precision=precision).predictor()


def open_trained(
    folder: str | Path, *, device: str = "auto", precision: str = "float32"
) -> Trained:
    """A trained model with all that it needs to read inputs.

    Args:
        folder: of a run or of a bundle.
        device: where to compute.
        precision: float32, whose answers are the same everywhere; bfloat16; or `auto`, which takes
            the faster of the two where they say the same within a hundredth.

    Raises:
        SensoriumError: as `load`.
    """
    if precision not in get_args(Wanted):
        raise DataError(f"expected {' or '.join(get_args(Wanted))} as precision, got {precision!r}")
    folder, where = Path(folder), choose_device(device)
    if is_bundle(folder):
        bundle = Bundle.open(folder)
        plan, mixture = bundle.plan, bundle.mixture.to(where)
        parts = plan.recipe.name, mixture, plan.tokenizer, plan.recipe.data, plan.learned
        trained = Trained(folder, *parts)
        if bundle.manifest.kind == "onnx" and where.type == "cpu" and precision == "float32":
            mixture.model = GraphModel(mixture.model, Graphs(folder, mixture, trained.data))
            return replace(trained, engine="graphs by ONNX Runtime")
    else:
        # Here and not above: a run comes with all of training, which a bundle does without.
        from sensorium.verbs.open_run import open_run

        trained = open_run(folder, where)
    samples = partial(_samples, trained, where)
    return replace(
        trained, engine=settle_precision(trained.mixture, cast(Wanted, precision), samples)
    )


def _samples(trained: Trained, device: torch.device) -> Batch:
    """Made samples to measure on."""
    known = trained.mixture.model.widths
    return batch_of([], known, trained.inputs, trained.data, trained.tokenizer)[0].to(device)
