"""What a check found, in words: for tables in a terminal and on a page alike."""

from __future__ import annotations

from collections.abc import Mapping

from sensorium.data.check.labels import Giveaway
from sensorium.data.check.report import Column, Group, Report
from sensorium.data.check.tally import Spread

MOST_SHOWN = 4
"""Words of a fact that are shown; the rest is counted."""


MEASURES = ("characters", "seconds", "bytes")
"""Measures that are told; JSON has them all."""

HOW = {"same": "the same", "same file": "parts of the same file"}
ALIKE = {"text": "reads alike", "audio": "sounds alike"} | dict.fromkeys(
    ("image", "video"), "looks alike"
)


def holds(column: Column) -> str:
    """What a column holds, as in `72 x 72 · PNG RGBA · 6.1 MB`."""
    said = [_words(words) for words in column.words.values()]
    most = max((spread.cells for spread in column.measures.values()), default=0)
    said += [
        _spread(name, spread)
        for name in MEASURES
        # Parts of files have no bytes of their own: a sum without them would say too little.
        if (spread := column.measures.get(name)) is not None and spread.cells == most
    ]
    return " · ".join(said)


def _words(words: Mapping[str, int]) -> str:
    shown = list(words.items())[:MOST_SHOWN]
    if len(words) == 1:
        return shown[0][0]
    said = ", ".join(f"{word} ({count:,})" for word, count in shown)
    return said + (f", {len(words) - len(shown):,} more" if len(words) > len(shown) else "")


def _spread(name: str, spread: Spread) -> str:
    if name == "bytes":
        return size(spread.total)
    if name == "seconds":
        return f"{_range(spread, '.2f')} s, {duration(spread.total)} in all"
    return f"{_range(spread, ',.0f')} {name}"


def _range(spread: Spread, form: str) -> str:
    least, median, greatest = (
        format(v, form) for v in (spread.least, spread.median, spread.greatest)
    )
    return least if least == greatest else f"{least} to {greatest} (median {median})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def size(bytes: float) -> str:
    """As in `6.1 MB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if bytes < 1000:
            return f"{bytes:.3g} {unit}" if unit != "bytes" else f"{bytes:.0f} bytes"
        bytes /= 1000
    return f"{bytes:,.1f} TB"


def duration(seconds: float) -> str:
    """As in `2:05:09`, hours, minutes and seconds; short ones in seconds."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def classes(counts: Mapping[str, int]) -> str:
    """The balance of classes, as in `3 classes, from WBC (12) to RBC (2,400)`."""
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[least] == counts[most]:
        return f"{len(counts)} classes of {counts[most]:,} each"
    return (
        f"{len(counts)} classes, from {least!r} ({counts[least]:,}) to {most!r} ({counts[most]:,})"
    )


def giveaway(one: Giveaway) -> str:
    """As in `'label' follows from the order of the rows: right for 99.7%, by chance 10.0%`."""
    told, chance = f"{one.accuracy:.1%}", f"{one.chance:.1%}"
    return f"{one.column!r} follows from {one.by}: right for {told}, by chance {chance}"


def group(one: Group) -> list[str]:
    """Modality, how it is the same, and the samples."""
    how = HOW.get(one.kind) or ALIKE[one.modality]
    members = [m.id if m.set in m.id else f"{m.set}: {m.id}" for m in one.members[:MOST_SHOWN]]
    if len(one.members) > MOST_SHOWN:
        members.append(f"{len(one.members) - MOST_SHOWN:,} more")
    return [one.modality, how, ", ".join(members)]


def conclusion(report: Report) -> list[str]:
    """The figures that matter, a line each."""
    counts = report.counts()
    rate = f"{_figure(report.samples_per_second)} samples/s"
    return [
        f"{counts['samples']:,} samples decoded in {report.seconds:.1f} s: {rate} "
        f"in {report.workers} process{'es' if report.workers > 1 else ''}",
        f"{counts['broken']:,} broken, {counts['suspicious']:,} suspicious, "
        f"{counts['exact_duplicates']:,} groups of the same, "
        f"{counts['near_duplicates']:,} of what is alike, {counts['leaks']:,} over several sets",
    ]
