"""How long a step of a recipe takes here, to turn minutes into steps."""

from __future__ import annotations

import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median

from sensorium.data import open_splits
from sensorium.device import choose_device
from sensorium.recipe import Recipe
from sensorium.run import build
from sensorium.training.loop import Loop
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.run_data import draw_world
from sensorium.verbs.supply import batches_of

FIRST_STEPS = 3  # of which the machine makes its arrangements; they are not counted
TIMED_STEPS = 12


def seconds_per_step(recipe: Recipe, listeners: Listeners) -> float:
    """Median over a few steps of a fresh model, which is then thrown away."""
    draw_world(recipe, listeners)
    splits = open_splits(recipe.data_to_read, recipe.seed, None, splits=["train"])
    assert splits.train is not None, "a recipe without data.train is refused"
    mixture = build(recipe, splits.tokenizer, splits.learned).to(choose_device(recipe.train.device))
    batches = batches_of(recipe, splits.train, splits.quarantine)
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(mixture.train(), batches, recipe.train, Path(folder), recipe.seed)
        seconds = []
        supply = iter(batches)
        for _ in range(FIRST_STEPS + TIMED_STEPS):
            started = time.perf_counter()
            loop.step(next(supply))
            seconds.append(time.perf_counter() - started)
    return median(islice(seconds, FIRST_STEPS, None))
