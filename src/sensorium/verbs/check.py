"""Decode all of some data, and say what it holds and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sensorium.data import DataConfig, Source, SourceConfig, Tokenizer, resolve
from sensorium.data.check import OpenedSet, Report, Unopened, check_sets, find_sets
from sensorium.data.check.page import write_check_page
from sensorium.data.columns import Fields
from sensorium.data.first_rows import readable
from sensorium.data.learned import learn
from sensorium.data.locate import is_several
from sensorium.data.places import SPLITS, for_split, open_place
from sensorium.data.targets import Target, build_targets
from sensorium.errors import DataError
from sensorium.recipe import load_recipe, shipped_recipes
from sensorium.verbs.listeners import Listeners

XYWH = (
    "boxes were read as x, y, width, height; where they are left, top, right, bottom, check a "
    "recipe that says data.boxes.form: xyxy"
)


def check(
    data: str | Path,
    *,
    against: str | Path | None = None,
    html: str | Path | None = None,
    workers: int | None = None,
    listeners: Listeners | None = None,
) -> Report:
    """Decode every sample of some data, and report what it holds and what is wrong with it.

    Args:
        data: a file or folder of any known kind, a folder that holds several sets, or a recipe,
            whose sets are checked by its own settings.
        against: another set, or several, that should share nothing with the first.
        html: write the report as a page there, too.
        workers: processes that decode; by default as many as there are cores.
        listeners: who is told of progress.

    Raises:
        SensoriumError: no such data, or nothing of it can be opened.
    """
    listeners = listeners or Listeners()
    config, places = _places(str(data))
    if against is not None:
        places = _joined(places, _places(str(against))[1])
    sets, unopened = _open(places, config, listeners)
    for one in sets:
        for note in one.source.notes:
            listeners.on_note(note)
    report = check_sets(
        sets,
        config or DataConfig(),
        unopened=unopened,
        workers=workers,
        progress=lambda done, total: listeners.on_work("checking", done, total),
    )
    if config is None and any("box outside" in one.suspicions for one in report.sets):
        listeners.on_note(XYWH)
    if html is not None:
        Path(html).parent.mkdir(parents=True, exist_ok=True)
        write_check_page(Path(html), str(data), report, sets)
    return report


def _places(data: str) -> tuple[DataConfig | None, dict[str, SourceConfig]]:
    """The settings, where a recipe says them, and the sets by name."""
    here = Path(data).expanduser()
    is_recipe = here.suffix in (".yaml", ".yml") or data in shipped_recipes()
    if here.exists() and not (here.is_file() and is_recipe):
        return None, _found(here)
    if not is_recipe:
        place = None if is_several(data) else resolve(DataConfig(), data)
        if isinstance(place, Path):
            return None, _found(place)
        return None, {data.rpartition("/")[2]: SourceConfig(path=data)}
    config = load_recipe(data).data
    named = {split: config.places(split) for split in SPLITS}
    if not any(named.values()):
        raise DataError(f"recipe {data} names no data; set data.train, data.validation, data.test")
    return config, {
        split if len(places) == 1 else f"{split} {number}": for_split(place, split)
        for split, places in named.items()
        for number, place in enumerate(places, start=1)
    }


def _found(path: Path) -> dict[str, SourceConfig]:
    return {name: SourceConfig(path=os.path.abspath(one)) for name, one in find_sets(path).items()}


def _joined(
    places: Mapping[str, SourceConfig], others: Mapping[str, SourceConfig]
) -> dict[str, SourceConfig]:
    """All of them, each under a name of its own."""
    joined = dict(places)
    for name, place in others.items():
        if place in places.values():
            raise DataError(f"--against {place.path}: that is the set to be checked; name another")
        joined[name if name not in places else place.path] = place
    return joined


def _open(
    places: Mapping[str, SourceConfig], recipe: DataConfig | None, listeners: Listeners
) -> tuple[list[OpenedSet], list[Unopened]]:
    """Open what can be; where nothing can, the first reason is the error.

    Columns are the recipe's; without one, those guessed for the first set hold for the others.
    Targets are those of a recipe, and what they stand for is learned from its training sets.
    """
    fields: Fields | None = recipe.fields if recipe is not None else None
    sets: list[OpenedSet] = []
    unopened: list[Unopened] = []
    first_error: DataError | None = None
    for name, place in places.items():
        try:
            source = open_place(recipe or DataConfig(), place, fields, strict=False)
        except DataError as error:
            first_error = first_error or error
            unopened.append(Unopened(name, place.path, str(error)))
            continue
        fields = fields or source.fields
        sets.append(OpenedSet(name, place.path, source, _required(recipe, source)))
    if first_error is not None and not sets:
        raise first_error
    if recipe is not None and (targets := _targets(recipe, sets, listeners)):
        sets = [replace(one, targets=targets) for one in sets]
    return sets, unopened


def _targets(
    recipe: DataConfig, sets: Sequence[OpenedSet], listeners: Listeners
) -> dict[str, Target]:
    """What the recipe's training sets teach; nothing where it names none, or none can be read."""
    to_train_on = {place.path for place in recipe.places("train")}
    sources = [one.source for one in sets if one.path in to_train_on and one.source.targets]
    if not sources:
        return {}
    rows = [(source, readable(source, range(len(source)))) for source in sources]
    learned, notes = learn(recipe, rows)
    for note in notes:
        listeners.on_note(note)
    targets = build_targets(learned, Tokenizer.train([], recipe.text), recipe)
    return {name: one for name, one in targets.items() if name == one.field}


def _required(recipe: DataConfig | None, source: Source) -> list[str]:
    """Modalities without which a row is broken: without a recipe none is, absence is counted."""
    if recipe is None:
        return []
    return list(source.fields) if recipe.required is None else recipe.required
