"""What a run's frozen encoders learned: their vectors of a labelled set, gathered and probed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from sensorium.data import Loader, Quarantine, Tokenizer, resolve
from sensorium.data.check import find_sets
from sensorium.data.labelled import LABEL, open_labelled
from sensorium.errors import DataError
from sensorium.evaluation.probe import LABELS_PER_CLASS, Features, Probed, gather, probe
from sensorium.run import Run, build
from sensorium.tasks import Mixture
from sensorium.verbs.listeners import Listeners

HELD_OUT = 0.2  # of a set that has no test set beside it


@dataclass(frozen=True)
class Labelled:
    """A labelled set to probe with.

    Attributes:
        path: a folder that holds `train` and `test`, or one set, of which a fifth is held out.
        column: holds the classes; None takes the column of the recipe's own labels, or `label`.
        labels_per_class: how few labels are tried, beside all.
    """

    path: str
    column: str | None = None
    labels_per_class: Sequence[int] = LABELS_PER_CLASS


def probe_run(
    run: Run,
    mixture: Mixture,
    tokenizer: Tokenizer,
    labelled: Labelled,
    without: Sequence[str],
    listeners: Listeners,
) -> Probed:
    """Read the classes of a labelled set off the run's vectors, and off those of fresh weights.

    Args:
        run: the run.
        mixture: its trained model.
        tokenizer: its own.
        labelled: what with.
        without: modalities that are not looked at.
        listeners: who is told of progress.

    Raises:
        DataError: no such data or column, or nothing in it that the model knows.
    """
    device = next(mixture.parameters()).device
    fresh = build(run.recipe, tokenizer, run.learned()).to(device).eval()
    column = labelled.column or _own_column(run)
    config, learned = run.recipe.data_to_read, None
    features: list[list[Features]] = []
    for path in _sets(run, labelled.path):
        quarantine = Quarantine(None, 0, config.failure_budget)
        dataset, learned = open_labelled(
            path, config, column, tokenizer, quarantine, learned=learned
        )
        batches = Loader(
            dataset,
            batch_size=run.recipe.evaluation.batch_size,
            seed=0,
            shuffle=False,
            quarantine=quarantine,
            workers=config.workers,
            drop_last=False,
        )

        def told(done: int, name: str = dataset.name, total: int = len(dataset)) -> None:
            listeners.on_work(f"encoding {name}", done, total)

        features.append(gather([mixture.model, fresh.model], batches, without, told))
    if len(features) == 1:
        features = _cut(features[0])
    for trained, _ in features:
        if not trained.vectors:
            raise DataError(
                f"--probe {labelled.path}: no labelled row has anything that the model of "
                f"{run.folder} looks at ({', '.join(mixture.model.widths)})"
            )
    assert learned is not None
    known, asked = (dict(zip((True, False), of_set, strict=True)) for of_set in features)
    return probe(
        known,
        asked,
        classes=len(learned[LABEL].names),
        labels_per_class=labelled.labels_per_class,
        on_reading=lambda done, total: listeners.on_work("probing", done, total),
    )


def _own_column(run: Run) -> str:
    """The column that the run's recipe takes labels from."""
    said = (run.recipe.data.fields or {}).get(LABEL, LABEL)
    return said if isinstance(said, str) else next(iter(said), LABEL)


def _sets(run: Run, data: str) -> list[Path]:
    """The set to learn from and the one to be named, or one for both."""
    here = Path(data).expanduser()
    place = here.absolute() if here.exists() else resolve(run.recipe.data, data)
    if not isinstance(place, Path):
        raise DataError(f"--probe {data}: expected a file or folder on this machine")
    found = find_sets(place)
    if len(found) == 1:
        return list(found.values())
    if not {"train", "test"} <= found.keys():
        raise DataError(
            f"--probe {data}: expected one set, or train and test; found {', '.join(found)}"
        )
    return [found["train"], found["test"]]


def _cut(of_models: Sequence[Features]) -> list[list[Features]]:
    """The features of one set as those to learn from and those to be named, by the rows' ids."""
    held_out = torch.tensor([_is_held_out(id) for id in of_models[0].ids], dtype=torch.bool)
    return [[one.keep(kept) for one in of_models] for kept in (~held_out, held_out)]


def _is_held_out(id: str) -> bool:
    digest = hashlib.sha256(f"probe:{id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < HELD_OUT
