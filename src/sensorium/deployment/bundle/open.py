"""A bundle folder, from anybody -> a model that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from sensorium.deployment.bundle.manifest import Manifest, check_header, read_manifest
from sensorium.deployment.bundle.recipe import RECIPE, TOKENIZER, Plan
from sensorium.errors import BundleError
from sensorium.tasks import Mixture
from sensorium.weights import differences, first_of

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Bundle:
    """A bundle that was checked, with its model.

    Attributes:
        folder: where it lies.
        manifest: what it holds.
        plan: all of its model but the weights.
        mixture: the model with its tasks, in evaluation mode, on the CPU.
    """

    folder: Path
    manifest: Manifest
    plan: Plan
    mixture: Mixture

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Check and read it. Nothing is unpickled, and nothing in it is run.

        Raises:
            BundleError: what is wrong with it, first of all.
        """
        manifest = read_manifest(folder)
        if missing := [n for n in (RECIPE, TOKENIZER, WEIGHTS) if n not in manifest.files]:
            raise BundleError(f"{folder}: the manifest lacks {', '.join(missing)}")
        plan, path = Plan.read(folder), folder / WEIGHTS
        shapes = _shapes(path)
        with torch.random.fork_rng(devices=[]):
            # Without memory first: no recipe gets more than weights of its size lie there for.
            with torch.device("meta"):
                own = plan.build().state_dict()
            if wrong := differences(own, shapes):
                raise BundleError(
                    f"the weights in {path} are not those of the bundle's model: {first_of(wrong)}"
                )
            mixture = plan.build()
        mixture.load_state_dict(load_file(path))
        return cls(folder, manifest, plan, mixture.eval())


@dataclass(frozen=True)
class _Told:
    shape: tuple[int, ...]


def _shapes(path: Path) -> Mapping[str, _Told]:
    """Name -> shape of every tensor, as the header says."""
    check_header(path)
    try:
        with safe_open(path, "pt") as saved:
            return {n: _Told(tuple(saved.get_slice(n).get_shape())) for n in saved.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise BundleError(f"{path} is no safetensors file: {error}") from error
