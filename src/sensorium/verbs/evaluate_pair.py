"""Two runs judged on the same samples: which is better, and whether that is more than chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.data import Dataset, Mixed
from sensorium.device import choose_device
from sensorium.errors import DataError, RunError
from sensorium.evaluation import Evaluation
from sensorium.evaluation.figures import BLIND
from sensorium.evaluation.paired import Judged, Paired, differences
from sensorium.evaluation.paired_page import write_pair
from sensorium.run import Run
from sensorium.verbs.evaluate import judge_all, no_set, open_ended, open_to_judge
from sensorium.verbs.listeners import Listeners

NO_MODELS_DOING = rf"({'|'.join(BLIND)})(_of_.+)?$|_without_|unknown_answers$"
"""In the names of figures that are of the set, or of who sees nothing, and not of the model."""


@dataclass(frozen=True)
class _Side:
    """One of the two runs, with what it was judged on and what came out."""

    run: Run
    dataset: Dataset | Mixed
    evaluation: Evaluation

    @property
    def prints(self) -> list[str]:
        return [part.source.table.fingerprint() for part in self.dataset.parts]

    def __str__(self) -> str:
        ids = self.evaluation.ids
        return f"{self.run.folder} on {len(ids)} samples of {self.dataset.name} (as {ids[0]})"


def evaluate_pair(
    run: str | Path,
    other: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    html: str | Path | None = None,
    device: str = "auto",
    listeners: Listeners | None = None,
) -> Paired:
    """Judge two runs on the same samples, and compare them sample by sample. Neither is changed.

    Args:
        run: the first run folder.
        other: the second.
        data: any data; None takes the recipes' own, which have to be the same.
        split: which of the recipes' sets.
        html: write the comparison as a page there, too.
        device: where to compute.
        listeners: who is told of progress.

    Raises:
        SensoriumError: no such run, split or data; the samples are not the same; or no figure is
            common to both.
    """
    listeners = listeners or Listeners()
    a, b = (_judged(Path(folder), data, split, device, listeners) for folder in (run, other))
    if set(a.evaluation.ids) != set(b.evaluation.ids) or a.prints != b.prints:
        raise DataError(
            f"not judged on the same samples: {a}, and {b}; give both the same with --data"
        )
    of_a, of_b = (Judged(side.evaluation.tallies, side.evaluation.ids) for side in (a, b))
    names = [
        name
        for name in of_a.tallies
        if name in of_b.tallies and not re.search(NO_MODELS_DOING, name)
    ]
    if not names:
        raise RunError(
            f"no figure is common to both: {a.run.folder} has {_tasks(a.evaluation)}, and "
            f"{b.run.folder} has {_tasks(b.evaluation)}"
        )
    found, left_out = differences(of_a, of_b, names, a.run.recipe.seed)
    if not found:
        raise RunError(
            "no figure that both have can be compared: "
            + "; ".join(f"{name}: {why}" for name, why in left_out.items())
        )
    compared = Paired(
        a=str(run),
        b=str(other),
        data=a.dataset.name,
        samples=len(a.evaluation.ids),
        differences=found,
        left_out=left_out,
    )
    if html is not None:
        Path(html).parent.mkdir(parents=True, exist_ok=True)
        write_pair(Path(html), compared)
    return compared


def _judged(
    folder: Path, data: str | Path | None, split: str, device: str, listeners: Listeners
) -> _Side:
    run = open_ended(folder)
    mixture, tokenizer = run.mixture(choose_device(device))
    found = open_to_judge(run, tokenizer, data, split, listeners)
    if found is None:
        raise no_set(run, split)
    said = f"{split} by {folder.name}"
    return _Side(run, found[0], judge_all(run, mixture, found, said, listeners))


def _tasks(evaluation: Evaluation) -> str:
    tasks: Sequence[str] = list(
        dict.fromkeys(name.partition("/")[0] for name in evaluation.metrics)
    )
    return ", ".join(tasks)
