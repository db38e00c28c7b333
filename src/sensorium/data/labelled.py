"""A set with labels of its own, opened for a model that was not trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sensorium.data.cache import Progress
from sensorium.data.columns import TARGETS
from sensorium.data.dataset import Dataset
from sensorium.data.first_rows import readable
from sensorium.data.learned import Learned, learn
from sensorium.data.places import open_place
from sensorium.data.quarantine import Quarantine
from sensorium.data.settings import DataConfig
from sensorium.data.sources import SourceConfig
from sensorium.data.splits import open_dataset
from sensorium.data.text import Tokenizer
from sensorium.errors import DataError

LABEL = "label"


def open_labelled(
    path: Path,
    config: DataConfig,
    column: str,
    tokenizer: Tokenizer,
    quarantine: Quarantine,
    progress: Progress | None = None,
    learned: Mapping[str, Learned] | None = None,
) -> tuple[Dataset, Mapping[str, Learned]]:
    """Open a set as it is in an evaluation, with a column as its `label`.

    No row is broken for want of a label or a modality. Texts are read only from the columns that
    the run has them from.

    Args:
        config: of the run; its own targets and classes are left aside.
        column: holds the class of each row.
        learned: the classes, of the set that is learned from; None: it is this one.

    Raises:
        DataError: the set has no such column, or a single class in it.
    """
    fields = {name: own for name, own in (config.fields or {}).items() if name not in TARGETS}
    config = config.model_copy(
        update={"fields": {**fields, LABEL: column}, "classes": None, "required": []}
    )
    source = open_place(config, SourceConfig(path=str(path)), config.fields, strict=False)
    if LABEL not in source.targets:
        raise DataError(
            f"{source.name} has no column {column!r} to take labels from; it has "
            f"{', '.join(source.columns)}: name one with --label"
        )
    if not set(source.fields.get("text", ())) <= set(_listed(fields.get("text"))):
        # A text that was guessed may well be the class in words.
        config = config.model_copy(update={"fields": {**fields, LABEL: column, "text": []}})
    if learned is None:
        learned, _ = learn(config, [(source, readable(source, range(len(source))))])
    return open_dataset(path, config, tokenizer, quarantine, progress, learned), learned


def _listed(columns: str | list[str] | None) -> list[str]:
    return [columns] if isinstance(columns, str) else columns or []
