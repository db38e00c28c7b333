"""What happens to a broken sample: it is named, counted, written down and skipped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sensorium.errors import FailureBudgetError

NAMED_IN_ERROR = 10
"""How many broken samples the error spells out; the file holds them all."""


class BrokenSample(Exception):  # noqa: N818 - it names a sample, and is never a defect of ours
    """A sample that cannot be used. Its text is the reason, short, without the sample's id."""


@dataclass(frozen=True)
class Broken:
    """The id of a broken sample and the reason, as one line of `quarantine.jsonl` holds them."""

    id: str
    reason: str


class Quarantine:
    """The broken samples of a run, each named once, also across resumes.

    Args:
        path: the `quarantine.jsonl` to append to; read first where it exists. None keeps no file.
        total: rows of all the sets together, the whole that `budget` is a share of. Opening a
            set adds its rows here.
        budget: the share of the rows that may be broken before the run stops, 0 to 1.
    """

    def __init__(self, path: Path | None, total: int, budget: float) -> None:
        self.path = path
        self.total = total
        self.budget = budget
        known = _read(path) if path is not None and path.is_file() else ({}, {})
        self._reasons, self._flaws = known

    def __len__(self) -> int:
        return len(self._reasons)

    def broken(self) -> list[Broken]:
        """Every one, in the order in which they were found."""
        return [Broken(id, reason) for id, reason in self._reasons.items()]

    def add(self, id: str, reason: str) -> None:
        """Record one broken sample.

        Raises:
            FailureBudgetError: more than `budget * total` distinct samples are broken.
        """
        self.add_all([Broken(id, reason)])

    def add_all(self, broken: Iterable[Broken]) -> None:
        """Record every one of `broken`, and only then judge the budget, so that all are named.

        Raises:
            FailureBudgetError: more than `budget * total` distinct samples are broken.
        """
        added = {one.id: one for one in broken}
        new = [one for one in added.values() if one.id not in self._reasons]
        if new and self.path is not None:
            _append(self.path, [asdict(one) for one in new])
        self._reasons |= {one.id: one.reason for one in new}
        if added and self._share() > self.budget:
            raise FailureBudgetError(self._message())

    def add_flaws(self, flaws: Iterable[Broken]) -> None:
        """Write down what is wrong inside of samples that are used all the same, as a faulty box:
        lines with `"used": true`. No sample is lost, so the budget is not touched."""
        new = [flaw for flaw in dict.fromkeys(flaws) if flaw not in self._flaws]
        if new and self.path is not None:
            _append(self.path, [asdict(flaw) | {"used": True} for flaw in new])
        self._flaws |= dict.fromkeys(new)

    def flaws(self) -> list[Broken]:
        """What is wrong inside of samples that are used, in the order in which it was found."""
        return list(self._flaws)

    def since(self, broken: int = 0, flaws: int = 0) -> list[str]:
        """In words, what was found after the first so many broken samples and flaws."""
        notes = []
        where = "" if self.path is None else f"; see {self.path}"
        if later := self.broken()[broken:]:
            notes.append(
                f"{len(later):,} of {self.total:,} rows {_are(later)} broken and left out; the "
                f"first: {later[0].id}: {later[0].reason}{where}"
            )
        if found := self.flaws()[flaws:]:
            notes.append(
                f"{len(found):,} {'box' if len(found) == 1 else 'boxes'} {_are(found)} faulty, and "
                f"left out or cut; the first: {found[0].id}: {found[0].reason}{where}"
            )
        return notes

    def _share(self) -> float:
        return len(self._reasons) / max(self.total, 1)

    def _message(self) -> str:
        count = len(self._reasons)
        lines = [
            f"{count:,} of {self.total:,} rows {'is' if count == 1 else 'are'} broken, "
            f"more than data.failure_budget={self.budget:g} allows:"
        ]
        lines += [f"  {id}: {why}" for id, why in list(self._reasons.items())[:NAMED_IN_ERROR]]
        if count > NAMED_IN_ERROR:
            lines.append(f"  … and {count - NAMED_IN_ERROR:,} more")
        if self.path is not None:
            lines[-1] += f", see {self.path}"
        allowance = min(1.0, math.ceil(self._share() * 1000) / 1000)
        lines.append(f"Fix or remove them, or raise the budget: data.failure_budget={allowance:g}")
        return "\n".join(lines)


def _are(listed: Sequence[Broken]) -> str:
    return "is" if len(listed) == 1 else "are"


def _read(path: Path) -> tuple[dict[str, str], dict[Broken, None]]:
    """The broken samples with their reasons, and the flaws of others."""
    reasons: dict[str, str] = {}
    flaws: dict[Broken, None] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            said = json.loads(line)
            used = said.pop("used", False)
            one = Broken(**said)
        except (ValueError, TypeError, AttributeError):
            continue  # a kill in the middle of a write left half a line
        if used:
            flaws[one] = None
        else:
            reasons[one.id] = one.reason
    return reasons, flaws


def _append(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
