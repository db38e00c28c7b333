"""List run folders and what they reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.errors import RunError, SensoriumError
from sensorium.run import RUNS, Run
from sensorium.training import Checkpoints


@dataclass(frozen=True)
class RunFacts:
    """One run, in short.

    Attributes:
        folder: where it is.
        recipe: name of its recipe.
        step: optimizer steps saved; 0 before the first checkpoint.
        finished: whether it was trained to the end and judged.
        metrics: its final figures, `split/task/what` -> figure.
        problem: why it cannot be read, where it cannot.
    """

    folder: Path
    recipe: str
    step: int
    finished: bool
    metrics: dict[str, float]
    problem: str | None = None


def runs(folders: Sequence[str | Path] = ()) -> list[RunFacts]:
    """Every run in some folders, and in their subfolders.

    Args:
        folders: where to look; `runs` by default.

    Raises:
        RunError: a folder that was named is not there.
    """
    found = []
    for folder in [Path(f) for f in folders] or [RUNS]:
        if not folder.is_dir():
            if not folders:
                return []
            raise RunError(f"no folder {folder}")
        found += sorted(path.parent for path in folder.rglob("recipe.yaml"))
    return [_facts(folder) for folder in dict.fromkeys(found)]


def _facts(folder: Path) -> RunFacts:
    try:
        run = Run.open(folder)
        newest = Checkpoints(folder / "checkpoints").newest()
        step = 0 if newest is None else newest.state().step
        summary = run.summary()
    except (SensoriumError, OSError, ValueError) as error:
        return RunFacts(folder, "?", 0, False, {}, problem=str(error).splitlines()[0])
    metrics = {} if summary is None else summary["metrics"]
    return RunFacts(folder, run.recipe.name, step, summary is not None, metrics)
