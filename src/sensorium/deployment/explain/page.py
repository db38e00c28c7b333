"""Answers and what they rest on, as a page: heat over pictures, frames and sounds, shaded words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensorium.batch import Sample
from sensorium.deployment.explain.explainer import Explanation
from sensorium.deployment.explain.heat import heat_map, peak_of, shade
from sensorium.deployment.explain.places import Relevance
from sensorium.deployment.explain.seen import pictures_of
from sensorium.page import write_page

MOST_PROBABILITIES = 5


@dataclass(frozen=True)
class Explained:
    """One sample.

    Attributes:
        name: of it.
        sample: as the model saw it.
        answer: task -> what was said.
        explanations: task -> what that rests on.
    """

    name: str
    sample: Sample
    answer: Mapping[str, Any]
    explanations: Mapping[str, Explanation]


@dataclass(frozen=True)
class Picture:
    """Something to be seen, and the heat over it; both as data URIs."""

    seen: str
    heat: str


@dataclass(frozen=True)
class Panel:
    """What one modality of a sample has to do with one answer.

    Attributes:
        modality: which.
        pictures: of it; frame by frame of a video.
        words: (word, its shade, what it adds).
        note: in words.
    """

    modality: str
    pictures: list[Picture] = field(default_factory=list)
    words: list[tuple[str, str, float]] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A modality's share, as a bar from the middle.

    Attributes:
        modality: which.
        share: in the unit of the score.
        withheld: by how much the score falls without it.
        left, width: of the bar, in per cent of the track.
    """

    modality: str
    share: float
    withheld: float
    left: float
    width: float


@dataclass(frozen=True)
class Block:
    """One answer about one sample."""

    task: str
    explanation: Explanation
    probabilities: list[tuple[str, float]]
    panels: list[Panel]
    bars: list[Bar]


def write_explanations(path: Path, explained: Sequence[Explained], *, of: int) -> None:
    """Write the page.

    Args:
        path: the page.
        explained: the samples that are shown.
        of: how many were answered.
    """
    write_page(
        path,
        "deployment/explain/page.html.jinja",
        samples=[(one, list(_blocks(one))) for one in explained],
        of=of,
    )


def _blocks(one: Explained) -> Iterator[Block]:
    for task, explanation in one.explanations.items():
        said = one.answer.get(task.partition("/")[0])
        probabilities = said.get("probabilities", {}) if isinstance(said, dict) else {}
        yield Block(
            task=task.replace("_", " ").replace("/", ": "),
            explanation=explanation,
            probabilities=list(probabilities.items())[:MOST_PROBABILITIES],
            panels=[
                _panel(modality, relevance, one.sample)
                for modality, relevance in explanation["modalities"].items()
            ],
            bars=list(_bars(explanation)),
        )


def _panel(modality: str, relevance: Relevance, sample: Sample) -> Panel:
    if "words" in relevance:
        peak = max(map(abs, relevance["relevance"]), default=0.0)
        both = zip(relevance["words"], relevance["relevance"], strict=True)
        return Panel(modality, words=[(word, shade(f, peak), f) for word, f in both])
    grids = relevance["grids"] if "grids" in relevance else [relevance["grid"]]
    peak = peak_of(grids)
    heats = [heat_map(grid, peak) for grid in grids]
    seen = pictures_of(modality, sample.values[modality])
    note = f"{relevance['seconds']:.3g} s" if modality == "audio" else ""
    pictures = [Picture(*both) for both in zip(seen, heats, strict=True)]
    return Panel(modality, pictures, note=note)


def _bars(explanation: Explanation) -> Iterator[Bar]:
    shares, withheld = explanation["shares"], explanation["withheld"]
    longest = max(map(abs, shares.values()), default=0.0) or 1.0
    for modality, share in shares.items():
        width = 50 * abs(share) / longest
        left = 50.0 if share >= 0 else 50 - width
        yield Bar(modality, share, withheld[modality], left, width)
