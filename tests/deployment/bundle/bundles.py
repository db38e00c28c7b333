"""A small bundle on disk, whole and in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sensorium.deployment.bundle.manifest import MANIFEST, Manifest, entries
from sensorium.deployment.bundle.recipe import BundleRecipe, Plan
from sensorium.deployment.bundle.write import write_manifest, write_model, written_aside
from sensorium.device import choose_device
from sensorium.run import Run


def write_bundle(run: Run, folder: Path) -> Path:
    """The run's model, alone."""
    mixture, tokenizer = run.mixture(choose_device("cpu"))
    recipe = run.recipe
    parts = BundleRecipe.of(recipe.name, recipe.data_to_read, recipe.model, recipe.tasks)
    with written_aside(folder) as aside:
        write_model(aside, Plan(parts, tokenizer, run.learned()), mixture)
        write_manifest(aside, Manifest(kind="bundle", name=recipe.name, files={}))
    return folder


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """As somebody would who means harm."""
    tree = json.loads((folder / MANIFEST).read_text())
    change(tree)
    (folder / MANIFEST).write_text(json.dumps(tree))


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Another content, which the manifest vouches for."""
    (folder / name).write_bytes(content)
    entry = entries(folder, [name])[name].model_dump()
    change_manifest(folder, lambda tree: tree["files"].update({name: entry}))
