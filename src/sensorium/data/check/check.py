"""Sets of samples enter; what they hold, and what is wrong with them, leaves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sensorium.data.cache import Progress
from sensorium.data.check.boxes import suspicion_of
from sensorium.data.check.duplicates import Place as Row
from sensorium.data.check.examine import Examiner
from sensorium.data.check.groups import Groups
from sensorium.data.check.labels import giveaways
from sensorium.data.check.look import Suspicion
from sensorium.data.check.parallel import available_cores, examine_all
from sensorium.data.check.report import CheckedSet, Column, Group, GroupKind, Place, Report
from sensorium.data.check.tally import Suspect, Tally
from sensorium.data.quarantine import Broken
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Source
from sensorium.data.targets import Target


@dataclass(frozen=True)
class OpenedSet:
    """A set to be checked.

    Attributes:
        name: as in `train`; that of no other.
        path: where it lies.
        source: its rows.
        required: modalities without which a row is broken; any other may be absent.
        targets: what a recipe learns of it, by name; a row of which it cannot be read is broken.
    """

    name: str
    path: str
    source: Source
    required: Sequence[str] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True)
class Unopened:
    """A set beside others that could not be opened, and the reason."""

    name: str
    path: str
    reason: str


def check_sets(
    sets: Sequence[OpenedSet],
    config: DataConfig,
    *,
    unopened: Sequence[Unopened] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Decode every cell of every row, once, and report.

    Args:
        sets: the first is what the others are compared with, as a rule the training set.
        unopened: other sets, to be reported as broken.
        workers: processes; by default as many as there are cores.
        progress: called with the rows done and the rows in all.
    """
    workers = workers or available_cores()
    total = sum(len(one.source) for one in sets)
    tallies = [Tally(len(one.source)) for one in sets]
    found = Groups()
    begin = time.perf_counter()
    examiners = [Examiner(one.source, config, one.required, one.targets) for one in sets]
    for done, (number, examined) in enumerate(examine_all(examiners, workers), start=1):
        tallies[number].add(examined, sets[number].source.id(examined.row))
        found.add(number, examined)
        if progress is not None:
            progress(done, total)
    seconds = time.perf_counter() - begin
    groups = _groups(sets, tallies, found)
    for one, tally in zip(sets, tallies, strict=True):
        _suspect_flaws(one.source, tally)
    checked = [_checked(one, tally) for one, tally in zip(sets, tallies, strict=True)]
    checked += [_unopened(one) for one in unopened]
    return Report(checked, groups, seconds, workers)


def _groups(sets: Sequence[OpenedSet], tallies: Sequence[Tally], found: Groups) -> list[Group]:
    """Duplicates, leaks first; samples with a caption of another become suspects, too."""
    groups: list[Group] = []
    modalities = {modality for modality, _ in found.columns()}
    for modality, column in found.columns():
        if modality == "text" and not _is_caption(column, sets, tallies):
            continue
        # A caption that two sets share is no leak where its pictures or sounds are others.
        may_leak = modality != "text" or modalities == {"text"}
        exact = found.exact((modality, column))
        if modality == "text":
            _suspect_captions(sets, tallies, column, exact)
        near = found.near((modality, column), exact)
        of_one_file = found.of_one_file((modality, column))
        of_kind: dict[GroupKind, list[list[Row]]]
        of_kind = {"same": exact, "alike": near, "same file": of_one_file}
        for kind, rows in of_kind.items():
            for group in rows:
                leaks = may_leak and len({number for number, _ in group}) > 1
                members = [Place(sets[n].name, sets[n].source.id(row), row) for n, row in group]
                groups.append(Group(modality, kind, members, leaks))
    return sorted(groups, key=lambda group: (not group.leaks, group.kind != "same"))


def _suspect_flaws(source: Source, tally: Tally) -> None:
    """What the table itself found wrong inside of rows, as faulty boxes."""
    ids = {flaw.id for flaw in source.flaws}
    rows = {id: row for row in range(len(source) if ids else 0) if (id := source.id(row)) in ids}
    for flaw in source.flaws:
        tally.suspect(Suspect(flaw.id, rows.get(flaw.id), "boxes", suspicion_of(flaw.reason)))


def _is_caption(column: str, sets: Sequence[OpenedSet], tallies: Sequence[Tally]) -> bool:
    """Whether a column is mapped to text, and its texts are not the names of classes."""
    mapped = any(column in one.source.fields.get("text", []) for one in sets)
    return mapped and not any(
        column in tally.labels and tally.labels[column].holds_labels for tally in tallies
    )


def _suspect_captions(
    sets: Sequence[OpenedSet], tallies: Sequence[Tally], column: str, exact: list[list[Row]]
) -> None:
    for group in exact:
        for place in group:
            number, row = place
            of, other = next(one for one in group if one != place)
            more = f" and {len(group) - 2:,} more" if len(group) > 2 else ""
            said = f"the same as that of {sets[of].source.id(other)}{more}"
            suspicion = Suspicion("duplicated caption", said)
            tallies[number].suspect(Suspect(sets[number].source.id(row), row, column, suspicion))


def _checked(opened: OpenedSet, tally: Tally) -> CheckedSet:
    source = opened.source
    labels = {name: column for name, column in tally.labels.items() if column.holds_labels}
    captions = source.fields.get("text", [])
    return CheckedSet(
        name=opened.name,
        path=opened.path,
        samples=len(source) + len(source.broken),
        columns=[
            Column(name, modality, facts.samples, facts.measures(), facts.words())
            for (name, modality), facts in tally.facts.items()
            if name in captions or name not in labels
        ],
        broken=source.broken + tally.broken,
        suspicious=tally.suspects,
        suspicions=dict(tally.suspicions.most_common()),
        labels={name: column.counts() for name, column in labels.items()},
        giveaways=[
            one for name, column in labels.items() for one in giveaways(name, column, tally.files)
        ],
        media=tally.media,
        notes=source.notes,
    )


def _unopened(one: Unopened) -> CheckedSet:
    broken = [Broken(one.path.rpartition("/")[2], one.reason)]
    return CheckedSet(one.name, one.path, 1, [], broken, [], {}, {}, [], {}, [])
