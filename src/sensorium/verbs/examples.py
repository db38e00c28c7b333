"""Some rows to try with a trained model, for the page of a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sensorium.data import BrokenSample, DataConfig, Dataset, Quarantine, open_dataset, resolve
from sensorium.data.files import size_of
from sensorium.data.locate import is_several
from sensorium.data.sources import SourceConfig
from sensorium.deployment.server.served import Example
from sensorium.deployment.trained import Trained
from sensorium.errors import SensoriumError
from sensorium.world.build import WorldConfig, build_world

EXAMPLES, EXAMPLE_BYTES = 8, 2_000_000
MANIFEST_BYTES = 50_000_000
"""A larger set is not opened for the sake of its examples."""

FIELDS = {"image": "file_name", "text": "text", "video": "video", "audio": "audio"}
"""Modality -> column of the world."""

ASKED = {
    "question_answering": ("questions", "question"),
    "answer_generation": ("questions", "question"),
    "grounding": ("phrases", "phrase"),
}
"""Task -> the world's column of what is asked, and which key of it has the words."""


def examples_of(trained: Trained) -> list[Example]:
    """Some that the model has not learned from, where they are at hand; else of the world."""
    for place in _at_hand(trained.data):
        if found := _rows(place, trained, trained.data):
            return found
    return _of_world(trained)


def _at_hand(data: DataConfig) -> Iterator[SourceConfig]:
    """The sets to be judged on that lie on this machine and are small."""
    for split in ("validation", "test"):
        for place in data.places(split):
            if is_several(place.path):
                continue
            try:
                path = resolve(data, place.path)
                small = path.is_dir() or size_of(path) <= MANIFEST_BYTES
            except (SensoriumError, OSError):
                continue
            if small and isinstance(path, Path):
                yield place.model_copy(update={"path": str(path), "group_by": None})


def _of_world(trained: Trained) -> list[Example]:
    """Scenes that are drawn for it, with what its tasks can be asked of them."""
    asked = [ASKED[task] for task in trained.mixture.tasks if task in ASKED]
    each, key = asked[0] if asked else (None, "text")
    modalities = tuple(trained.mixture.model.widths)
    with TemporaryDirectory() as folder:
        root = Path(folder) / "world"
        build_world(root, WorldConfig(train=1, validation=EXAMPLES, test=1, modalities=modalities))
        place = SourceConfig(path=str(root / "validation.jsonl"), each=each)
        own = trained.data.model_copy(update={"fields": FIELDS | {"text": key}})
        return _rows(place, trained, own)


def _rows(place: SourceConfig, trained: Trained, data: DataConfig) -> list[Example]:
    """Some rows of a set, from all over it."""
    lenient = data.model_copy(update={"required": [], "cache_megabytes": 0})
    try:
        dataset = open_dataset(place, lenient, trained.tokenizer, Quarantine(None, 0, budget=1.0))
    except SensoriumError:
        return []
    step = max(1, len(dataset) // EXAMPLES)
    found = (_example(dataset, index, trained) for index in range(0, len(dataset), step))
    return [one for one in found if one is not None][:EXAMPLES]


def _example(dataset: Dataset, index: int, trained: Trained) -> Example | None:
    try:
        contents, facts = dataset.contents(index), dataset.describe(index)
    except BrokenSample:
        return None
    known = trained.mixture.model.widths
    values = {n: v for n, v in contents.items() if n in known and len(v) <= EXAMPLE_BYTES}
    files = {n: Path(f).name for n in values if n != "text" and (f := facts[n]) is not None}
    return Example(dataset.id(index), values, files) if values else None
