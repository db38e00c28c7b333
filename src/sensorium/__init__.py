"""Sensorium: the whole life of a multimodal model, by one recipe.

The verbs of the command line are functions here, under the same names (`build_world` for `world`,
since `sensorium.world` is the folder that holds it):

    import sensorium
    sensorium.pretrain("emoji", run_dir="runs/emoji")
    sensorium.search("runs/emoji", "woman astronaut")

Importing the package does nothing else: what a name needs is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensorium.errors import SensoriumError
    from sensorium.recipe import Recipe, load_recipe
    from sensorium.run import Run
    from sensorium.verbs.check import check
    from sensorium.verbs.compare import compare
    from sensorium.verbs.demo import demo
    from sensorium.verbs.evaluate import evaluate
    from sensorium.verbs.evaluate_pair import evaluate_pair
    from sensorium.verbs.export import export
    from sensorium.verbs.finetune import finetune
    from sensorium.verbs.index import index
    from sensorium.verbs.load import load
    from sensorium.verbs.predict import predict
    from sensorium.verbs.pretrain import pretrain
    from sensorium.verbs.runs import runs
    from sensorium.verbs.search import search
    from sensorium.verbs.serve import serve
    from sensorium.verbs.tune import tune
    from sensorium.world.build import build_world

_HOMES = {
    "Recipe": "sensorium.recipe",
    "Run": "sensorium.run",
    "SensoriumError": "sensorium.errors",
    "check": "sensorium.verbs.check",
    "compare": "sensorium.verbs.compare",
    "demo": "sensorium.verbs.demo",
    "evaluate": "sensorium.verbs.evaluate",
    "export": "sensorium.verbs.export",
    "evaluate_pair": "sensorium.verbs.evaluate_pair",
    "finetune": "sensorium.verbs.finetune",
    "index": "sensorium.verbs.index",
    "load": "sensorium.verbs.load",
    "load_recipe": "sensorium.recipe",
    "predict": "sensorium.verbs.predict",
    "pretrain": "sensorium.verbs.pretrain",
    "runs": "sensorium.verbs.runs",
    "search": "sensorium.verbs.search",
    "serve": "sensorium.verbs.serve",
    "tune": "sensorium.verbs.tune",
    "build_world": "sensorium.world.build",
}

__all__ = [
    "Recipe",
    "Run",
    "SensoriumError",
    "build_world",
    "check",
    "compare",
    "demo",
    "evaluate",
    "evaluate_pair",
    "export",
    "finetune",
    "index",
    "load",
    "load_recipe",
    "predict",
    "pretrain",
    "runs",
    "search",
    "serve",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sensorium' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
