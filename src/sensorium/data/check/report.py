"""Everything that a check found, for programs, tables and pages alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sensorium.data.check.labels import Giveaway
from sensorium.data.check.look import MediaFile
from sensorium.data.check.tally import Spread, Suspect
from sensorium.data.quarantine import Broken

GroupKind = Literal["same", "alike", "same file"]


@dataclass(frozen=True)
class Place:
    """A sample: its set, its id and its row there."""

    set: str
    id: str
    row: int


@dataclass(frozen=True)
class Column:
    """What a column of a set holds.

    Attributes:
        name: the column's.
        modality: of its cells.
        samples: how many have it.
        measures: as in `seconds`.
        words: fact -> word -> how often, as in `script`.
    """

    name: str
    modality: str
    samples: int
    measures: dict[str, Spread]
    words: dict[str, dict[str, int]]


@dataclass(frozen=True)
class CheckedSet:
    """One set.

    Attributes:
        name: as in `train`.
        path: where it lies.
        samples: its rows, broken ones included.
        columns: what they hold.
        broken: unusable rows, by name and reason.
        suspicious: usable rows with something odd, by name and reason.
        suspicions: kind -> how many samples, all of them, also where not all are named.
        labels: column -> class -> samples.
        giveaways: what file names and row order tell of the labels.
        media: name -> file of several streams, up to `MOST_MEDIA`.
        notes: what was guessed.
    """

    name: str
    path: str
    samples: int
    columns: list[Column]
    broken: list[Broken]
    suspicious: list[Suspect]
    suspicions: dict[str, int]
    labels: dict[str, dict[str, int]]
    giveaways: list[Giveaway]
    media: dict[str, MediaFile]
    notes: list[str]


@dataclass(frozen=True)
class Group:
    """Samples that are the same or alike.

    Attributes:
        modality: in what.
        kind: `same` bytes; `alike` to the eye or ear; parts of the `same file`, where these lie
            in several sets.
        members: at least two.
        leaks: whether they lie in several sets, and the modality is one that must not be shared.
    """

    modality: str
    kind: GroupKind
    members: list[Place]
    leaks: bool


@dataclass(frozen=True)
class Report:
    """What `sensorium check` found.

    Attributes:
        sets: each of them; the first is what the others are compared with.
        groups: duplicates, those that leak first.
        seconds: that decoding took.
        workers: processes that decoded.
    """

    sets: list[CheckedSet]
    groups: list[Group]
    seconds: float
    workers: int

    @property
    def samples(self) -> int:
        return sum(one.samples for one in self.sets)

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds

    @property
    def broken(self) -> int:
        return sum(len(one.broken) for one in self.sets)

    @property
    def suspicious(self) -> int:
        return sum(sum(one.suspicions.values()) for one in self.sets)

    @property
    def leaks(self) -> list[Group]:
        return [group for group in self.groups if group.leaks]

    def counts(self) -> dict[str, int]:
        """How many of each kind of finding."""
        kinds = Counter(group.kind for group in self.groups)
        return {
            "samples": self.samples,
            "broken": self.broken,
            "suspicious": self.suspicious,
            "exact_duplicates": kinds["same"],
            "near_duplicates": kinds["alike"],
            "leaks": len(self.leaks),
            "giveaways": sum(len(one.giveaways) for one in self.sets),
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "counts": self.counts(),
            "seconds": self.seconds,
            "samples_per_second": self.samples_per_second,
            "workers": self.workers,
            **asdict(self),
        }
