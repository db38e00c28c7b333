"""The sets of a recipe, opened: train, validation, test, with one tokenizer and one quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensorium.batch import Learned
from sensorium.data.cache import Progress
from sensorium.data.columns import TARGETS, Fields
from sensorium.data.dataset import Dataset
from sensorium.data.learned import RowsOfSet, learn
from sensorium.data.mixing import Mixed
from sensorium.data.places import SPLITS, lenient, open_place, open_split, open_streams
from sensorium.data.quarantine import Broken, BrokenSample, Quarantine
from sensorium.data.reader import texts, texts_of
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source, SourceConfig, boxes_note
from sensorium.data.stream_loader import Streamed
from sensorium.data.streams import Stream, StreamSource
from sensorium.data.tables import Table
from sensorium.data.targets import Target, build_targets, to_learn
from sensorium.data.text import Tokenizer
from sensorium.errors import DataError

JUDGED = ("validation", "test")
"""The sets that a model is judged on."""

ROWS_LOOKED_AT = 20_000
"""Of a set that is not decoded up front, how many rows' texts are looked through for long ones."""

FIRST_ROWS = 50_000
"""Of a stream so many rows are read for the tokenizer and the targets, the first."""

SplitProgress = Callable[[str, int, int], None]
"""Called with the split, its rows done and its rows in all, while a set is decoded up front."""


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
        tokenizer = _tokenizer(config, learnt_from, rows.get("train", ()))
    missed: list[str] = []
    if learned is None:
        judged = [source for split in JUDGED for source in sources.get(split, ())]
        learned, missed = learn(
            config,
            _rows_of(learnt_from, rows.get("train", ())),
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
    broken, notes = _prepare(datasets, tokenizer, progress)
    of_sources = [one for source in opened for one in source.broken]
    quarantine.add_all([*of_sources, *(one for _, found in broken for one in found)])
    for part, found in broken:
        _require_samples(part, found)
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
    _require_samples(dataset, broken)
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
        rows["train"], rows["validation"] = _hold_out(sources["train"][0], config, seed)
    return sources, rows


def _is_streamed(config: DataConfig, split: str) -> bool:
    return any(place.stream for place in config.places(split))


def _prepare(
    datasets: dict[str, Dataset | Mixed], tokenizer: Tokenizer, progress: SplitProgress | None
) -> tuple[list[tuple[Dataset, list[Broken]]], list[str]]:
    """Decode what fits in memory; return each set with its broken rows, and in words how many texts
    are cut."""
    broken: list[tuple[Dataset, list[Broken]]] = []
    notes: list[str] = []
    for split, dataset in datasets.items():
        for part in dataset.parts:
            before, which = tokenizer.cut, "texts"
            found = part.prepare(partial(progress, split) if progress else None)
            broken.append((part, found))
            if not part.in_memory:
                before = tokenizer.cut
                for text in part.texts(ROWS_LOOKED_AT):
                    tokenizer.encode(text)
                if len(part) > ROWS_LOOKED_AT:
                    which = f"texts of the first {ROWS_LOOKED_AT:,} rows"
            if cut := tokenizer.cut - before:
                name = split if part is dataset else f"{split}, {part.name}"
                notes.append(
                    f"{name}: {cut:,} {which} are longer than "
                    f"data.text.context_tokens={tokenizer.context_tokens} and are cut"
                )
    return broken, notes


def _require_samples(dataset: Dataset, broken: Sequence[Broken]) -> None:
    """Raises `DataError` where all rows were found to be broken."""
    if not len(dataset):
        raise DataError(
            f"{dataset.name}: none of its {len(broken):,} rows can be used; the first: "
            f"{broken[0].id}: {broken[0].reason}"
        )


def _hold_out(source: Source, config: DataConfig, seed: int) -> tuple[list[int], list[int]]:
    """Rows to train on and rows held out. A row's lot depends on nothing but its id, or the group
    that it is of."""
    kept: list[int] = []
    held_out: list[int] = []
    for row in range(len(source)):
        digest = hashlib.sha256(f"{seed}:{source.group(row)}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        (held_out if share < config.validation_share else kept).append(row)
    if not kept or not held_out:
        raise DataError(
            f"data.validation_share={config.validation_share:g} of the {len(source)} rows of "
            f"{source.name} leaves {len(kept)} to train on and holds {len(held_out)} out; "
            "change it, or give data.validation a set of its own"
        )
    return kept, held_out


def _tokenizer(
    config: DataConfig, sources: Sequence[Source | StreamSource], rows: Sequence[int]
) -> Tokenizer:
    if config.text.tokenizer is not None:
        return Tokenizer.load(Path(config.text.tokenizer).expanduser(), config.text.context_tokens)
    if not sources:
        raise DataError(
            "no tokenizer, and no data.train to train one on; give data.train=PATH or "
            "data.text.tokenizer=PATH"
        )
    return Tokenizer.train(_texts(sources, rows), config.text)


def _rows_of(sources: Sequence[Source | StreamSource], rows: Sequence[int]) -> list[RowsOfSet]:
    """The rows to learn targets from; of a stream the first."""
    return [
        (source, source.first_rows(FIRST_ROWS))
        if isinstance(source, StreamSource)
        else (source, readable(source, rows if len(sources) == 1 else range(len(source))))
        for source in sources
    ]


def readable(source: Source, rows: Sequence[int]) -> Iterator[Row]:
    """Some rows of a source, without those that are broken."""
    for row in rows:
        with suppress(BrokenSample):  # named where the row is decoded
            yield source.row(row)


def _texts(sources: Sequence[Source | StreamSource], rows: Sequence[int]) -> Iterator[str]:
    """The texts to learn words from; of a stream those of its first rows."""
    for source in sources:
        if isinstance(source, StreamSource):
            for row in source.first_rows(FIRST_ROWS):
                yield from texts_of(row, source)
        else:
            yield from texts(source, rows if len(sources) == 1 else range(len(source)))
