"""What a search found, for programs and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.verdict import told, told_difference

State = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Tried:
    """One trial that has ended.

    Attributes:
        number: from 0.
        values: recipe key -> value.
        words: recipe key -> the value as people write it.
        state: how it ended.
        figure: that decides, of the rows held out; None of one that did not come to its end.
        on_the_way: the same figure at each validation.
        why: it failed.
        same_as: an earlier trial of the same values, whose end it took over.
        own: whether the values are those of the recipe itself.
    """

    number: int
    values: dict[str, Any]
    words: dict[str, str]
    state: State
    figure: float | None = None
    on_the_way: list[float] = field(default_factory=list)
    why: str = ""
    same_as: int | None = None
    own: bool = False

    @property
    def last_figure(self) -> float | None:
        """The figure, or the last one on the way to it."""
        if self.figure is not None:
            return self.figure
        return self.on_the_way[-1] if self.on_the_way else None

    @property
    def name(self) -> str:
        return f"trial {self.number}"


@dataclass(frozen=True)
class Where:
    """Where was looked for the value of a key.

    Attributes:
        told: in words, as people write it.
        ends: of a range of numbers; None for a choice.
        log: whether the numbers are spread evenly over their logarithms.
        labels: of a choice.
    """

    told: str
    ends: tuple[float, float] | None = None
    log: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """A search so far.

    Attributes:
        recipe: its name.
        space: recipe key -> where was looked.
        headline: the figure that decides; None before any is known.
        budget: of each trial, in words; None where the length is what is searched.
        held_out: in words, the rows that trials are judged on.
        trials: that have ended, in their order.
        wanted: how many there are to be.
        importances: key -> its part in the figure's differences; empty where that cannot be told.
        command: that trains with the best values; empty before there are any.
        test: figures of the best trial's model on the test set, where there is one.
        left_out: task -> why some value of the space cannot learn it, so that no trial does.
        facts: name -> of machine and software, in words.
    """

    recipe: str
    space: dict[str, Where]
    headline: Headline | None
    budget: str | None
    held_out: str
    trials: list[Tried]
    wanted: int
    importances: dict[str, float]
    command: str = ""
    test: Mapping[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> list[Tried]:
        """Those with a figure, the best first; of equal ones the earlier."""
        lower = self.headline is not None and self.headline.lower_is_better
        known = [(one.figure, one) for one in self.trials if one.figure is not None]
        ranked = sorted(known, key=lambda pair: pair[0] if lower else -pair[0])
        return [one for _, one in ranked]

    @property
    def best(self) -> Tried | None:
        ranked = self.finished
        return ranked[0] if ranked else None

    @property
    def verdict(self) -> list[str]:
        """Plain sentences: what is best, against what, and how far to believe it."""
        best = self.best
        if best is None or best.figure is None or self.headline is None:
            return ["No trial has come to its end."]
        states = Counter(one.state for one in self.trials)
        ended = [f"{states[state]} {state}" for state in ("pruned", "failed") if states[state]]
        beside = f" ({', '.join(ended)})" if ended else ""
        extreme = "lowest" if self.headline.lower_is_better else "highest"
        sentences = [
            f"{best.name.capitalize()} of {len(self.trials)}{beside} has the {extreme} "
            f"{self.headline}: {told(self.headline, best.figure)}."
        ]
        sentences += self._against_own(best.figure)
        on_test = self.headline.of(self.test) if self.test else None
        if on_test is not None:
            sentences.append(
                f"Its model has {told(self.headline, on_test)} on the test set, which was looked "
                "at once, for this."
            )
        sentences.append(
            "The best of many runs is in part the luckiest: compare the first few under several "
            "seeds before believing a small difference."
        )
        return sentences

    def _against_own(self, figure: float) -> list[str]:
        own = next((one for one in self.trials if one.own), None)
        if own is None or own.figure is None or self.headline is None:
            return []
        if own is self.best:
            return ["These are the recipe's own values: nothing better was found."]
        gained = told_difference(self.headline, abs(figure - own.figure))
        return [f"The recipe's own values have {told(self.headline, own.figure)}, {gained} behind."]

    def facts_for_programs(self) -> dict[str, Any]:
        """As in `search.json`."""
        best = self.best
        return {
            "recipe": self.recipe,
            "space": {key: where.told for key, where in self.space.items()},
            "metric": None if self.headline is None else self.headline.pattern,
            "budget": self.budget,
            "held_out": self.held_out,
            "wanted": self.wanted,
            "verdict": self.verdict,
            "best": None
            if best is None
            else {"trial": best.number, "values": best.values, "figure": best.figure},
            "ranking": [one.number for one in self.finished],
            "command": self.command,
            "test": dict(self.test),
            "importances": self.importances,
            "left_out": self.left_out,
            "facts": self.facts,
            "trials": [asdict(one) for one in self.trials],
        }
