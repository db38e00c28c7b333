"""Open what was trained, a run or a bundle, ready to be asked."""

from __future__ import annotations

from pathlib import Path

from sensorium.deployment.bundle.manifest import is_bundle
from sensorium.deployment.bundle.open import Bundle
from sensorium.deployment.graphs.runtime import GraphModel, Graphs
from sensorium.deployment.predictor import Predictor
from sensorium.deployment.trained import Trained
from sensorium.device import choose_device


def load(folder: str | Path, *, device: str = "auto") -> Predictor:
    """A trained model, ready to be asked.

        model = sensorium.load("runs/mine")
        model.predict(image="cat.jpg")

    Args:
        folder: of a run or of a bundle.
        device: where to compute.

    Raises:
        SensoriumError: there is neither, no such device, or nothing was saved yet.
    """
    return open_trained(folder, device=device).predictor()


def open_trained(folder: str | Path, *, device: str = "auto") -> Trained:
    """A trained model with all that it needs to read inputs.

    Args:
        folder: of a run or of a bundle.
        device: where to compute.

    Raises:
        SensoriumError: as `load`.
    """
    folder, where = Path(folder), choose_device(device)
    if is_bundle(folder):
        bundle = Bundle.open(folder)
        plan, mixture = bundle.plan, bundle.mixture.to(where)
        parts = plan.recipe.name, mixture, plan.tokenizer, plan.recipe.data, plan.learned
        if bundle.manifest.kind == "onnx" and where.type == "cpu":
            mixture.model = GraphModel(mixture.model, Graphs(folder, mixture))
            return Trained(folder, *parts, engine="graphs by ONNX Runtime")
        return Trained(folder, *parts)
    # Here and not above: a run comes with all of training, which a bundle does without.
    from sensorium.verbs.open_run import open_run

    return open_run(folder, where)
