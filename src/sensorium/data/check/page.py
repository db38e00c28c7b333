"""The page of a check: `sensorium check DATA --html FILE`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.data.check import words
from sensorium.data.check.check import OpenedSet
from sensorium.data.check.report import Group, Report
from sensorium.data.check.tally import Suspect
from sensorium.data.specimen import Specimen, show
from sensorium.page import write_page

MOST_BROKEN = 100
MOST_OF_A_KIND = 12
MOST_GROUPS = 12
MOST_OF_A_GROUP = 4
MOST_ORDINARY = 6
MOST_CLASSES = 12
MOST_MEDIA = 20


@dataclass(frozen=True)
class ShownKind:
    """Suspicious samples of one kind."""

    kind: str
    count: int
    suspects: list[tuple[Suspect, Specimen]]


@dataclass(frozen=True)
class ShownGroup:
    """Samples that are the same or alike."""

    how: str
    count: int
    specimens: list[Specimen]


def write_check_page(path: Path, title: str, report: Report, sets: Sequence[OpenedSet]) -> None:
    """Write a page that holds everything it shows.

    Args:
        path: the page.
        title: what was checked, in its head.
        report: what was found.
        sets: where the samples to be shown are taken from.
    """
    album = _Album(sets)
    write_page(
        path,
        "data/check/page.html.jinja",
        title=title,
        report=report,
        counts=report.counts(),
        words=words,
        broken=[(one.name, broken) for one in report.sets for broken in one.broken],
        most_broken=MOST_BROKEN,
        most_classes=MOST_CLASSES,
        most_media=MOST_MEDIA,
        kinds=_kinds(report, album),
        leaks=_groups([group for group in report.groups if group.leaks], album),
        duplicates=_groups([group for group in report.groups if not group.leaks], album),
        ordinary=[(one.name, album.ordinary(one)) for one in sets],
    )


class _Album:
    """Finds samples by set and id, and shows each once."""

    def __init__(self, sets: Sequence[OpenedSet]) -> None:
        self._sources = {one.name: one.source for one in sets}
        self._shown: dict[tuple[str, int], Specimen] = {}

    def show(self, set: str, row: int) -> Specimen:
        if (set, row) not in self._shown:
            self._shown[set, row] = show(self._sources[set], row, set)
        return self._shown[set, row]

    def suspect(self, set: str, suspect: Suspect) -> Specimen:
        """Its sample, or its id alone where the flaw is in no row."""
        return Specimen(set, suspect.id) if suspect.row is None else self.show(set, suspect.row)

    def ordinary(self, one: OpenedSet) -> list[Specimen]:
        """A few from all over a set."""
        count = min(MOST_ORDINARY, len(one.source))
        return [self.show(one.name, number * len(one.source) // count) for number in range(count)]


def _kinds(report: Report, album: _Album) -> list[ShownKind]:
    kinds: dict[str, list[tuple[str, Suspect]]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for one in report.sets:
        for kind, count in one.suspicions.items():
            counts[kind] += count
        for suspect in one.suspicious:
            kinds[suspect.suspicion.kind].append((one.name, suspect))
    return [
        ShownKind(
            kind,
            counts[kind],
            [(suspect, album.suspect(set, suspect)) for set, suspect in found[:MOST_OF_A_KIND]],
        )
        for kind, found in sorted(kinds.items(), key=lambda item: -counts[item[0]])
    ]


def _groups(groups: Sequence[Group], album: _Album) -> list[ShownGroup]:
    return [
        ShownGroup(
            words.group(group)[1],
            len(group.members),
            [album.show(one.set, one.row) for one in group.members[:MOST_OF_A_GROUP]],
        )
        for group in groups[:MOST_GROUPS]
    ]
