"""The whole life on the embedded world: draw it, train, judge, index, search.

`senses` is the same for its page: a short run with pictures, words, sounds and clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.deployment.sheet import Hit
from sensorium.recipe import load_recipe
from sensorium.verbs.index import index
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import pretrain
from sensorium.verbs.search import search
from sensorium.world.build import WorldConfig

QUERY = "a small green heart to the left of a large yellow circle"

FEW_SCENES = WorldConfig(train=2000, validation=100, test=200)
SHORT = ("train.epochs=5", "train.batch_size=32")
"""What makes the recipe `world` a matter of two minutes on two cores."""


@dataclass(frozen=True)
class Demonstrated:
    """What `demo` leaves.

    Attributes:
        summary: the final figures, as in `summary.json`.
        query: the words that were looked for.
        hits: what was found, best first.
        sheet: the page of the pictures found.
    """

    summary: dict[str, Any]
    query: str
    hits: list[Hit]
    sheet: Path


def demo(
    run_dir: str | Path = "runs/demo",
    overrides: Sequence[str] = (),
    *,
    world: WorldConfig | None = None,
    listeners: Listeners | None = None,
) -> Demonstrated:
    """Make a world beside the run, train the `demo` recipe on it, and search its unseen scenes.

    Args:
        run_dir: the run folder, replaced if it holds a run; the world goes beside it, into
            `<run_dir>-world`, and is kept for the next time.
        overrides: of the recipe, `dotted.key=value`.
        world: what to draw; None draws what the recipe says.
        listeners: who is told of progress.

    Raises:
        SensoriumError: where a folder is in the way.
        KeyboardInterrupt: where a signal stopped the training.
    """
    run_dir = Path(run_dir)
    summary = _live("demo", run_dir, overrides, world, listeners or Listeners())
    sheet = run_dir / "search.html"
    hits = search(run_dir, QUERY, top=5, html=sheet)
    return Demonstrated(summary, QUERY, hits, sheet)


def senses(
    run_dir: str | Path = "runs/demo-senses",
    overrides: Sequence[str] = SHORT,
    *,
    world: WorldConfig = FEW_SCENES,
    listeners: Listeners | None = None,
) -> dict[str, Any]:
    """Train the `world` recipe on few scenes for a short time, and index its unseen ones: pictures,
    words, sounds and clips, each of which finds the others.

    Args and raises as `demo`.

    Returns:
        The final figures, as in `summary.json`.
    """
    return _live("world", Path(run_dir), overrides, world, listeners or Listeners())


def _live(
    name: str,
    run_dir: Path,
    overrides: Sequence[str],
    world: WorldConfig | None,
    listeners: Listeners,
) -> dict[str, Any]:
    """Draw, train, judge and index; the final figures."""
    folder = run_dir.with_name(run_dir.name + "-world")
    recipe = load_recipe(name, [f"data.root={folder.resolve()}", *overrides])
    if world is not None:
        recipe = recipe.model_copy(update={"world": world})
    trained = pretrain(recipe, run_dir=run_dir, overwrite=True, listeners=listeners)
    if trained.summary is None:
        raise KeyboardInterrupt
    index(run_dir, folder / "test.jsonl", listeners=listeners)
    return trained.summary
