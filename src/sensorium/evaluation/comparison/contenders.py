"""What is compared: variants, their runs under several seeds, and what all have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from sensorium.evaluation.comparison.headlines import Headline


@dataclass(frozen=True)
class Reached:
    """What one run came to.

    Attributes:
        metrics: of the rows held out, named `task/what`.
        withheld: modalities joined by "+" -> the figures that are left without them.
        samples: how many those rows are.
        steps: optimizer steps.
        train_seconds: spent in them and in waiting for data.
        parameters: of the model and its tasks.
        peak_memory_bytes: while it trained; None where the system does not tell.
    """

    metrics: dict[str, float]
    withheld: dict[str, dict[str, float]]
    samples: int
    steps: int
    train_seconds: float
    parameters: int
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class Terms:
    """What all variants had in common.

    Attributes:
        recipe: its name.
        axes: recipe key, as short as people write it -> the values that are compared, in words.
        of_fusions: whether fusions are compared, so that what decides has to depend on them.
        seeds: of every variant.
        budget: in words; None where the length is what is compared.
        held_out: in words, the rows that variants are judged on.
        overlap: rows held out over rows trained on, where every seed draws them anew; else 0.
        left_out: task -> why some variant cannot learn it, so that none does.
        kept: settings of the recipe's fusion that hold for every fusion that has them.
        facts: name -> of machine and software, in words.
    """

    recipe: str
    axes: dict[str, list[str]]
    of_fusions: bool
    seeds: list[int]
    budget: str | None
    held_out: str
    overlap: float
    left_out: dict[str, str]
    kept: dict[str, Any]
    facts: dict[str, str]


@dataclass(frozen=True)
class Contender:
    """A variant and its runs so far.

    Attributes:
        name: of the variant.
        folder: of its runs, inside that of the comparison.
        runs: seed -> what it came to, of the runs that are finished.
        failures: seed -> why the run broke off.
    """

    name: str
    folder: str
    runs: dict[int, Reached] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether it takes part in the ranking: a variant that fails now and then does not."""
        return bool(self.runs) and not self.failures

    @property
    def parameters(self) -> int:
        return next(iter(self.runs.values())).parameters

    @property
    def steps(self) -> int:
        return next(iter(self.runs.values())).steps

    @property
    def seconds_per_step(self) -> float:
        """Median over the seeds."""
        return median(run.train_seconds / run.steps for run in self.runs.values())

    @property
    def peak_memory_bytes(self) -> int | None:
        """Median over the seeds."""
        told = [run.peak_memory_bytes for run in self.runs.values()]
        known = [peak for peak in told if peak is not None]
        return round(median(known)) if known else None

    def mean(self, headline: Headline) -> float | None:
        """The figure's mean over the seeds; None where a run lacks it."""
        figures = [headline.of(run.metrics) for run in self.runs.values()]
        return None if None in figures else fmean(f for f in figures if f is not None)

    def withheld(self, headline: Headline) -> dict[str, float]:
        """Modalities withheld -> the mean figure without them, where it can be computed."""
        subsets = dict.fromkeys(hidden for run in self.runs.values() for hidden in run.withheld)
        figures = {
            hidden: [headline.of(run.withheld.get(hidden, {})) for run in self.runs.values()]
            for hidden in subsets
        }
        return {
            hidden: fmean(figure for figure in of_seeds if figure is not None)
            for hidden, of_seeds in figures.items()
            if None not in of_seeds
        }


def common_metrics(contenders: Sequence[Contender]) -> list[str]:
    """Names of the figures that every finished run has, in their order."""
    runs = [run for one in contenders for run in one.runs.values()]
    shared = set.intersection(*(set(run.metrics) for run in runs)) if runs else set()
    return [name for name in runs[0].metrics if name in shared] if runs else []


def reached(summary: Mapping[str, Any] | None) -> Reached | None:
    """What a run came to, by its `summary.json`; None where it is not judged yet."""
    split = "validation"
    metrics = (summary or {}).get("metrics", {})
    own = {k.removeprefix(f"{split}/"): v for k, v in metrics.items() if k.startswith(f"{split}/")}
    if summary is None or not own:
        return None
    return Reached(
        metrics=own,
        withheld=summary["withheld"][split],
        samples=summary["judged_samples"][split],
        steps=summary["steps"],
        train_seconds=summary["train_seconds"],
        parameters=summary["parameters"],
        peak_memory_bytes=summary["peak_memory_bytes"],
    )
