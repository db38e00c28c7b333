"""A trained model -> a bundle folder, written aside and renamed: half of one is never seen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors.torch import save_file

from sensorium.deployment.bundle.manifest import MANIFEST, Manifest, entries, is_bundle
from sensorium.deployment.bundle.open import WEIGHTS
from sensorium.deployment.bundle.recipe import Plan
from sensorium.errors import ExportError
from sensorium.tasks import Mixture


@contextmanager
def written_aside(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which takes the place of `folder` once that has come to a good end.

    Raises:
        ExportError: there is something that is no bundle, or nothing can be written there.
    """
    if folder.exists() and not is_bundle(folder) and (folder.is_file() or any(folder.iterdir())):
        raise ExportError(f"{folder} is not empty and is no bundle; choose another --out")
    aside = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    except OSError as error:
        raise ExportError(f"cannot make {aside}: {error.strerror}") from error
    try:
        yield aside
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_model(folder: Path, plan: Plan, mixture: Mixture) -> None:
    """The files that a model is read from."""
    plan.write(folder)
    weights = {name: x.detach().cpu().contiguous() for name, x in mixture.state_dict().items()}
    save_file(weights, folder / WEIGHTS)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """The manifest of all that lies in the folder, written last."""
    names = sorted(str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file())
    manifest = manifest.model_copy(update={"files": entries(folder, names)})
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest
