"""What a recipe names as a set - one place or a list of them - found and opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensorium.data.columns import Fields, require_columns
from sensorium.data.hub import is_hub
from sensorium.data.locate import find, resolve
from sensorium.data.settings import SPLITS, DataConfig
from sensorium.data.sources import MANIFESTS, Source, SourceConfig, open_source
from sensorium.data.streams import StreamSource, open_stream


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
    fields = {**(fields or {}), **(place.fields or {})}
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


def open_split(config: DataConfig, split: str, hints: Fields | None) -> list[Source]:
    """Open the mapped sets of a split.

    Args:
        hints: columns that hold for it where it has them and nothing else is said.
    """
    places = config.places(split)
    if len(places) > 1:
        return [_of_several(config, place, split, prefix) for place, prefix in _each(places)]
    return [
        open_place(
            config,
            for_split(place, split),
            config.fields or hints,
            strict=split == "train" or bool(config.fields),
            prefix=prefix_of(config, split),
        )
        for place in places
    ]


def open_streams(config: DataConfig) -> list[StreamSource]:
    """Open the sets to train on as streams."""
    places = config.places("train")
    several = len(places) > 1
    streams = []
    for place, prefix in _each(places):
        files = [] if is_hub(place.path) else find(config, place.path)
        source = open_stream(
            files,
            {**(config.fields or {}), **(place.fields or {})},
            place=for_split(place, "train"),
            strict=not several,
            prefix=prefix if several else prefix_of(config, "train"),
            modalities=config.modalities,
            subtitles=config.subtitles,
            folder=None if place.folder is None else resolve(config, place.folder),
        )
        require_columns(source.name, source.columns, place.fields or {})
        streams.append(source)
    return streams


def for_split(place: SourceConfig, split: str) -> SourceConfig:
    """The place with the split of a Hugging Face set that goes with the key it is said under."""
    return place if place.split else place.model_copy(update={"split": split})


def lenient(config: DataConfig, source: Source | StreamSource) -> DataConfig:
    """The settings without what is required of a modality or target that a set lacks as a whole."""
    if config.required is None:
        return config
    has = source.fields.keys() | source.targets.keys()
    required = [name for name in config.required if name in has]
    return config.model_copy(update={"required": required})


def prefix_of(config: DataConfig, split: str) -> str:
    """`train/` where the ids of two sets could be the same, as of two folders; else nothing."""
    begins = {
        other: Path(place.path).name if Path(place.path).suffix in MANIFESTS else ""
        for other in SPLITS
        for place in config.places(other)
    }
    return f"{split}/" if list(begins.values()).count(begins[split]) > 1 else ""


def _of_several(config: DataConfig, place: SourceConfig, split: str, prefix: str) -> Source:
    """One set of a list; of modalities that only others of the list have, it has none."""
    source = open_place(config, for_split(place, split), config.fields, strict=False, prefix=prefix)
    require_columns(source.name, source.columns, place.fields or {})
    return source


def _each(places: Sequence[SourceConfig]) -> Sequence[tuple[SourceConfig, str]]:
    """The sets of a list, each with what tells its ids from those of the others.

    That is its folder where these differ, else its number in the list.
    """
    folders = [place.path.rstrip("/").rpartition("/")[0] for place in places]
    if len(set(folders)) == len(folders):
        return [(place, f"{folder}/") for place, folder in zip(places, folders, strict=True)]
    return [(place, f"{number}/") for number, place in enumerate(places, start=1)]
