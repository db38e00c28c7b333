"""The sets of a recipe, opened: train, validation, test, with one tokenizer and one quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensorium.data.cache import Progress
from sensorium.data.columns import Fields
from sensorium.data.dataset import Dataset
from sensorium.data.hub import is_hub
from sensorium.data.locate import find, resolve
from sensorium.data.quarantine import Broken, Quarantine
from sensorium.data.reader import texts
from sensorium.data.settings import DataConfig
from sensorium.data.sources import MANIFESTS, Source, SourceConfig, open_source
from sensorium.data.text import Tokenizer
from sensorium.errors import DataError

ROWS_LOOKED_AT = 20_000
"""Of a set that is not decoded up front, how many rows' texts are looked through for long ones."""

SPLITS = ("train", "validation", "test")

SplitProgress = Callable[[str, int, int], None]
"""Called with the split, its rows done and its rows in all, while a set is decoded up front."""


@dataclass
class DataSplits:
    """The opened sets.

    Attributes:
        notes: what was guessed or cut, in words.
        quarantine: holds every broken row found so far; loaders add to it.
        fingerprints: split -> SHA-256 of its manifest, or of the names and sizes in its folder.
    """

    train: Dataset | None
    validation: Dataset | None
    test: Dataset | None
    tokenizer: Tokenizer
    notes: list[str]
    quarantine: Quarantine
    fingerprints: dict[str, str] = field(default_factory=dict)


def open_splits(
    config: DataConfig,
    seed: int,
    quarantine_path: Path | None,
    tokenizer: Tokenizer | None = None,
    splits: Sequence[str] = SPLITS,
    progress: SplitProgress | None = None,
) -> DataSplits:
    """Open the sets of a recipe and decode up front those that fit in memory.

    Args:
        seed: decides the held-out share and all chance in training samples.
        quarantine_path: where broken rows are written down; None writes nothing.
        tokenizer: of the run that goes on; None reads the configured one, or trains one on the
            training texts.
        splits: which to open. One that the recipe does not name is None in the result.

    Raises:
        DataError: a set is missing or cannot be used.
        FailureBudgetError: too many rows are broken; every one that was found is written down.
    """
    wanted = set(splits)
    if tokenizer is None and config.text.tokenizer is None:
        wanted.add("train")
    sources, rows = _open_sources(config, seed, wanted)
    if tokenizer is None:
        tokenizer = _tokenizer(config, sources.get("train"), rows.get("train", ()))
    datasets = {
        split: Dataset(
            sources[split],
            config,
            tokenizer,
            training=split == "train",
            seed=seed,
            rows=rows[split],
        )
        for split in SPLITS
        if split in splits and split in sources
    }
    opened = list({id(dataset.source): dataset.source for dataset in datasets.values()}.values())
    quarantine = Quarantine(quarantine_path, 0, config.failure_budget)
    quarantine.total = sum(len(source) + len(source.broken) for source in opened)
    broken, notes = _prepare(datasets, tokenizer, progress)
    quarantine.add_all([one for source in opened for one in source.broken] + broken)
    return DataSplits(
        train=datasets.get("train"),
        validation=datasets.get("validation"),
        test=datasets.get("test"),
        tokenizer=tokenizer,
        notes=[note for source in opened for note in source.notes] + notes,
        quarantine=quarantine,
        fingerprints={
            split: sources[split].table.fingerprint()
            for split in datasets
            if getattr(config, split) is not None
        },
    )


def open_dataset(
    path: str | Path,
    config: DataConfig,
    tokenizer: Tokenizer,
    quarantine: Quarantine,
    progress: Progress | None = None,
) -> Dataset:
    """Open any data with the settings of a run, to evaluate or to index it.

    A path that exists as given is taken as it is; another is looked for as those of the recipe.
    Columns are the run's where the data has them, else guessed. A modality that the data lacks
    as a whole is not required of it.

    Args:
        quarantine: its total grows by the rows of this set, and it gets the broken ones.
    """
    here = Path(path).expanduser().absolute()
    place = SourceConfig(path=str(here) if here.exists() else str(path))
    source = open_place(config, place, config.fields, strict=False)
    if config.required is not None:
        required = [modality for modality in config.required if modality in source.fields]
        config = config.model_copy(update={"required": required})
    dataset = Dataset(source, config, tokenizer, training=False, seed=0)
    quarantine.total += len(source) + len(source.broken)
    quarantine.add_all(source.broken + dataset.prepare(progress))
    return dataset


def for_split(place: SourceConfig, split: str) -> SourceConfig:
    """The place with the split of a Hugging Face set that goes with the key it is said under."""
    return place if place.split else place.model_copy(update={"split": split})


def open_place(
    config: DataConfig,
    place: SourceConfig,
    fields: Fields | None,
    *,
    strict: bool = True,
    prefix: str = "",
) -> Source:
    """Find what a recipe names, and open it; see `open_source`."""
    files = [] if is_hub(place.path) else find(config, place.path)
    folder = None if place.folder is None else resolve(config, place.folder)
    return open_source(
        files,
        fields,
        strict=strict,
        prefix=prefix,
        modalities=config.modalities,
        place=place,
        folder=folder,
        subtitles=config.subtitles,
    )


def _open_sources(
    config: DataConfig, seed: int, wanted: set[str]
) -> tuple[dict[str, Source], dict[str, Sequence[int]]]:
    """Split -> its source and its rows; `train` also where another split is taken out of it."""
    sources: dict[str, Source] = {}
    holds_out = config.validation is None and config.validation_share > 0
    if holds_out and "validation" in wanted:
        wanted = wanted | {"train"}
    for split in SPLITS:
        place = getattr(config, split)
        if place is None or split not in wanted:
            continue
        # What was guessed for the training set holds for the others, where they have the columns.
        guessed = sources["train"].fields if "train" in sources else None
        sources[split] = open_place(
            config,
            for_split(place, split),
            config.fields or guessed,
            strict=split == "train" or bool(config.fields),
            prefix=_prefix(config, split),
        )
    rows: dict[str, Sequence[int]] = {split: range(len(sources[split])) for split in sources}
    if holds_out and "train" in sources:
        sources["validation"] = sources["train"]
        rows["train"], rows["validation"] = _hold_out(sources["train"], config, seed)
    return sources, rows


def _prepare(
    datasets: dict[str, Dataset], tokenizer: Tokenizer, progress: SplitProgress | None
) -> tuple[list[Broken], list[str]]:
    """Decode what fits in memory; return the broken rows, and in words how many texts are cut."""
    broken: list[Broken] = []
    notes: list[str] = []
    for split, dataset in datasets.items():
        before, which = tokenizer.cut, "texts"
        broken += dataset.prepare(partial(progress, split) if progress else None)
        if not dataset.in_memory:
            before = tokenizer.cut
            for text in dataset.texts(ROWS_LOOKED_AT):
                tokenizer.encode(text)
            if len(dataset) > ROWS_LOOKED_AT:
                which = f"texts of the first {ROWS_LOOKED_AT:,} rows"
        if cut := tokenizer.cut - before:
            notes.append(
                f"{split}: {cut:,} {which} are longer than "
                f"data.text.context_tokens={tokenizer.context_tokens} and are cut"
            )
    return broken, notes


def _prefix(config: DataConfig, split: str) -> str:
    """`train/` where the ids of two sets could be the same, as of two folders; else nothing."""
    begins = {
        other: Path(place.path).name if Path(place.path).suffix in MANIFESTS else ""
        for other in SPLITS
        if (place := getattr(config, other)) is not None
    }
    return f"{split}/" if list(begins.values()).count(begins[split]) > 1 else ""


def _hold_out(source: Source, config: DataConfig, seed: int) -> tuple[list[int], list[int]]:
    """Rows to train on and rows held out. Each row's lot depends on nothing but its id."""
    kept: list[int] = []
    held_out: list[int] = []
    for row in range(len(source)):
        digest = hashlib.sha256(f"{seed}:{source.id(row)}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        (held_out if share < config.validation_share else kept).append(row)
    if not kept or not held_out:
        raise DataError(
            f"data.validation_share={config.validation_share:g} of the {len(source)} rows of "
            f"{source.name} leaves {len(kept)} to train on and holds {len(held_out)} out; "
            "change it, or give data.validation a set of its own"
        )
    return kept, held_out


def _tokenizer(config: DataConfig, train: Source | None, rows: Sequence[int]) -> Tokenizer:
    if config.text.tokenizer is not None:
        return Tokenizer.load(Path(config.text.tokenizer).expanduser(), config.text.context_tokens)
    if train is None:
        raise DataError(
            "no tokenizer, and no data.train to train one on; give data.train=PATH or "
            "data.text.tokenizer=PATH"
        )
    return Tokenizer.train(texts(train, rows), config.text)
