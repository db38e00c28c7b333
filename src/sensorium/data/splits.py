"""The sets of a recipe, opened: train, validation, test, with one tokenizer and one quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensorium.batch import Learned
from sensorium.data.cache import Progress
from sensorium.data.columns import TARGETS, Fields
from sensorium.data.dataset import Dataset
from sensorium.data.first_rows import readable, rows_of, tokenizer_of
from sensorium.data.hold_out import hold_out
from sensorium.data.learned import learn
from sensorium.data.mixing import Mixed
from sensorium.data.places import SPLITS, lenient, open_place, open_split, open_streams
from sensorium.data.quarantine import Quarantine
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Source, SourceConfig, boxes_note
from sensorium.data.stream_loader import Streamed
from sensorium.data.streams import Stream, StreamSource
from sensorium.data.tables import Table
from sensorium.data.targets import Target, build_targets, to_learn
from sensorium.data.text import Tokenizer
from sensorium.data.up_front import SplitProgress, prepare, require_samples

JUDGED = ("validation", "test")
"""The sets that a model is judged on."""


@dataclass
class DataSplits:
    """The opened sets.

    Attributes:
        notes: what was guessed or cut, in words.
        quarantine: holds every broken row found so far; loaders add to it.
        fields: modality -> columns, of each set to train on.
        fingerprints: split -> SHA-256 of its manifest, or of the names and sizes in its folder.
        learned: target field -> what the rows to train on tell of it.
    """

    train: Dataset | Mixed | Streamed | None
    validation: Dataset | Mixed | None
    test: Dataset | Mixed | None
    tokenizer: Tokenizer
    notes: list[str]
    quarantine: Quarantine
    fields: list[dict[str, list[str]]] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)
    learned: Mapping[str, Learned] = field(default_factory=dict)


def open_splits(
    config: DataConfig,
    seed: int,
    quarantine_path: Path | None,
    tokenizer: Tokenizer | None = None,
    splits: Sequence[str] = SPLITS,
    progress: SplitProgress | None = None,
    learned: Mapping[str, Learned] | None = None,
) -> DataSplits:
    """Open the sets of a recipe and decode up front those that fit in memory.

    Args:
        seed: decides the held-out share and all chance in training samples.
        quarantine_path: where broken rows are written down; None writes nothing.
        tokenizer: of the run that goes on; None reads the configured one, or trains one on the
            training texts.
        splits: which to open. One that the recipe does not name is None in the result.
        learned: of the targets, by the run that goes on; None learns it from the training rows.

    Raises:
        DataError: a set is missing or cannot be used.
        FailureBudgetError: too many rows are broken; every one that was found is written down.
    """
    wanted = set(splits)
    if (tokenizer is None and config.text.tokenizer is None) or (
        learned is None and config.target_fields
    ):
        wanted.add("train")
    streams = open_streams(config) if "train" in wanted and _is_streamed(config, "train") else []
    sources, rows = _open_sources(config, seed, wanted, streams)
    learnt_from: Sequence[Source | StreamSource] = streams or sources.get("train", [])
    if tokenizer is None:
        tokenizer = tokenizer_of(config, learnt_from, rows.get("train", ()))
    missed: list[str] = []
    if learned is None:
        judged = [source for split in JUDGED for source in sources.get(split, ())]
        learned, missed = learn(
            config,
            rows_of(learnt_from, rows.get("train", ())),
            [(source, readable(source, range(len(source)))) for source in judged],
        )
    targets = build_targets(learned, tokenizer, config)
    datasets = {
        split: _mapped(config, tokenizer, targets, sources[split], rows[split], split, seed)
        for split in SPLITS
        if split in splits and split in sources
    }
    used = [source for split in datasets for source in sources[split]]
    opened = list({id(source): source for source in used}.values())
    quarantine = Quarantine(quarantine_path, 0, config.failure_budget)
    quarantine.total = sum(len(source) + len(source.broken) for source in opened)
    broken, notes = prepare(datasets, tokenizer, progress)
    of_sources = [one for source in opened for one in source.broken]
    quarantine.add_all([*of_sources, *(one for _, found in broken for one in found)])
    for part, found in broken:
        require_samples(part, found)
    quarantine.add_flaws([one for source in opened for one in source.flaws])
    for part in [part for dataset in datasets.values() for part in dataset.parts]:
        if faulty := part.faulty_boxes():
            quarantine.add_flaws(faulty)
            notes.append(boxes_note(part.name, faulty))
    streamed = (
        _streamed(config, tokenizer, to_learn(targets), streams, seed)
        if streams and "train" in splits
        else None
    )
    prints = {split: sources[split] for split in datasets if config.places(split)}
    return DataSplits(
        train=streamed or datasets.get("train"),
        validation=datasets.get("validation"),
        test=datasets.get("test"),
        tokenizer=tokenizer,
        notes=[note for source in streams for note in source.notes]
        + [note for source in opened for note in source.notes]
        + missed
        + notes,
        quarantine=quarantine,
        fields=[source.fields for source in learnt_from],
        fingerprints=({"train": _fingerprint([one.stream for one in streams])} if streamed else {})
        | {split: _fingerprint([one.table for one in found]) for split, found in prints.items()},
        learned=learned,
    )


def _mapped(
    config: DataConfig,
    tokenizer: Tokenizer,
    targets: Mapping[str, Target],
    sources: Sequence[Source],
    rows: Sequence[int],
    split: str,
    seed: int,
) -> Dataset | Mixed:
    build = partial(
        Dataset, tokenizer=tokenizer, training=split == "train", seed=seed, targets=targets
    )
    if len(sources) == 1:
        return build(sources[0], config, rows=rows)
    datasets = [build(source, lenient(config, source)) for source in sources]
    return Mixed(datasets, [place.weight for place in config.places(split)])


def _streamed(
    config: DataConfig,
    tokenizer: Tokenizer,
    targets: Mapping[str, Target],
    streams: Sequence[StreamSource],
    seed: int,
) -> Streamed:
    places = config.places("train")
    several = len(places) > 1
    return Streamed(
        streams,
        weights=[place.weight for place in places],
        window_rows=[place.window_rows for place in places],
        configs=[lenient(config, one) if several else config for one in streams],
        tokenizer=tokenizer,
        seed=seed,
        targets=targets,
    )


def _fingerprint(parts: Sequence[Table | Stream]) -> str:
    marks = [part.fingerprint() for part in parts]
    return marks[0] if len(marks) == 1 else hashlib.sha256("".join(marks).encode()).hexdigest()


def open_dataset(
    path: str | Path | SourceConfig,
    config: DataConfig,
    tokenizer: Tokenizer,
    quarantine: Quarantine,
    progress: Progress | None = None,
    learned: Mapping[str, Learned] | None = None,
    frames: bool = False,
) -> Dataset:
    """Open any data with the settings of a run, to evaluate or to index it.

    A path that exists as given is taken as it is; another is looked for as those of the recipe.
    Columns are the run's where the data has them, else guessed. A modality that the data lacks
    as a whole is not required of it.

    Args:
        path: where it lies; or a set of the recipe, with columns of its own.
        quarantine: its total grows by the rows of this set, and it gets the broken ones.
        learned: of the run's targets; without it none is read, and none is missed.
        frames: whether samples say what they show of their picture's file, in any case.
    """
    place = path if isinstance(path, SourceConfig) else SourceConfig(path=_as_it_lies(path))
    fields = {**(config.fields or {}), **(place.fields or {})}
    read = {name: of for name, of in fields.items() if learned or name not in TARGETS}
    place = place.model_copy(update={"fields": read})
    source = open_place(config, place, None, strict=False)
    dataset = Dataset(
        source,
        lenient(config, source),
        tokenizer,
        training=False,
        seed=0,
        targets=build_targets(learned or {}, tokenizer, config, frames),
    )
    quarantine.total += len(source) + len(source.broken)
    broken = dataset.prepare(progress)
    quarantine.add_all(source.broken + broken)
    require_samples(dataset, broken)
    return dataset


def _as_it_lies(path: str | Path) -> str:
    here = Path(path).expanduser().absolute()
    return str(here) if here.exists() else str(path)


def _open_sources(
    config: DataConfig, seed: int, wanted: set[str], streams: Sequence[StreamSource]
) -> tuple[dict[str, list[Source]], dict[str, Sequence[int]]]:
    """Split -> its mapped sources, and its rows where it is one source; `train` also where another
    split is taken out of it."""
    sources: dict[str, list[Source]] = {}
    holds_out = config.validation is None and config.validation_share > 0
    if holds_out and "validation" in wanted:
        wanted = wanted | {"train"}
    for split in SPLITS:
        if split in wanted and not _is_streamed(config, split) and config.places(split):
            # What holds for the (first) training set holds for the others, where they have it.
            known: list[Fields | None] = [one.fields for one in streams or sources.get("train", ())]
            known += [place.fields for place in config.places("train")]
            sources[split] = open_split(config, split, known[0] if known else None)
    rows: dict[str, Sequence[int]] = {
        split: range(len(opened[0])) for split, opened in sources.items()
    }
    if holds_out and "train" in sources:
        sources["validation"] = sources["train"]
        rows["train"], rows["validation"] = hold_out(sources["train"][0], config, seed)
    return sources, rows


def _is_streamed(config: DataConfig, split: str) -> bool:
    return any(place.stream for place in config.places(split))
