"""The flat metrics of `summary.json` -> what the report shows of every split."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sensorium.evaluation.by_type import OF_TYPE, Interval, Types, figures_by_type
from sensorium.evaluation.names import direction_in_words, is_share, spoken
from sensorium.tasks.ranking import RECALL_AT

MAIN_FIGURES = r"/(recall_at_1|accuracy|mae|r2|cider)$"

BLIND = ("_majority", "_mean", "_of_mean_patch", "_largest_object", "_withheld")
"""How the name of a figure goes on that says what the same is for who knows or sees nothing."""

PAIRED = r"matching/([^/]+/)?accuracy"
"""How figures begin of right and wrong pairs, and of pairs of a right and a wrong text."""

GUESSED_PAIRS = 0.5  # of these, by guessing

TEXT_FIGURES = {
    "cider": "CIDEr",
    **{f"bleu_{n}": f"BLEU-{n}" for n in range(1, 5)},
    "exact_match": "word for word",
    "accuracy": "next token, accuracy",
    "perplexity": "next token, perplexity",
}
"""What captioning is judged by -> its name for people."""


@dataclass(frozen=True)
class Figure:
    """A figure, and what it has to be read beside.

    Attributes:
        value: itself.
        interval: where it lies with 95 % confidence, where that is known.
        blind: what it is for a guess that sees nothing, where that is known.
        is_share: whether people read it as a percentage.
    """

    value: float
    interval: Interval | None = None
    blind: float | None = None
    is_share: bool = False


@dataclass(frozen=True)
class Retrieval:
    """Figures of one direction of retrieval.

    Attributes:
        name: as in `image → text`.
        recalls: shares found among the first 1, 5 and 10.
        interval: of the first of them.
        median_rank: from 1.
        chance: share found first by a random order.
    """

    name: str
    recalls: list[float | None]
    median_rank: float | None
    chance: float | None
    interval: Interval | None = None

    @property
    def times_chance(self) -> float | None:
        """How many times more often the first is right than in a random order."""
        first = self.recalls[0]
        return first / self.chance if first is not None and self.chance else None


@dataclass(frozen=True)
class SplitFigures:
    """Figures of one split; a task that was not trained has None or an empty list.

    Attributes:
        split: its name.
        retrievals: every direction, also those that `matching` has sorted anew.
        matching: accuracy.
        masked_language: accuracy; blind is it with all but the text withheld.
        types: accuracies by type of question, of each task that has them.
        captions: name for people -> the figure of captions; blind are those that are written
            without seeing anything.
        others: spoken name -> figure, of everything else.
        withheld: what becomes of the figures without some modalities.
    """

    split: str
    retrievals: list[Retrieval]
    matching: Figure | None
    masked_language: Figure | None
    types: list[Types]
    captions: dict[str, Figure]
    others: dict[str, Figure]
    withheld: Withheld | None = None

    @property
    def single(self) -> dict[str, Figure]:
        """Spoken name -> figure, of all that is neither retrieval nor of one type."""
        tasks = {"matching, accuracy": self.matching}
        tasks["masked language, accuracy"] = self.masked_language
        known = {name: figure for name, figure in tasks.items() if figure is not None}
        return known | {f"captions, {n}": f for n, f in self.captions.items()} | self.others


@dataclass(frozen=True)
class Withheld:
    """The main figures of a split, and the same with some modalities withheld.

    Attributes:
        columns: what was withheld, as in `audio` or `audio + text`.
        rows: spoken name -> the figure with nothing withheld, and then by column; None where it
            cannot be computed.
        shares: the names of those that people read as percentages.
    """

    columns: list[str]
    rows: dict[str, list[float | None]]
    shares: list[str]


def withheld_figures(
    metrics: Mapping[str, float], without: Mapping[str, Mapping[str, float]]
) -> Withheld | None:
    """The shares found first and the accuracies of one split, set beside each other.

    Args:
        metrics: named `task/what`.
        without: modalities joined by `+` -> the same, as far as they can be computed.
    """
    main = [n for n in metrics if re.search(MAIN_FIGURES, n) and "/reranked_" not in n]
    columns = [figures.get for figures in without.values()]
    rows = {spoken(name): [metrics[name], *(get(name) for get in columns)] for name in main}
    shares = [spoken(name) for name in main if is_share(name)]
    names = [name.replace("+", " + ") for name in without]
    return Withheld(names, rows, shares) if without else None


def figures_by_split(summary: Mapping[str, Any]) -> list[SplitFigures]:
    """The figures of every split, the test set first.

    Args:
        summary: what `summary.json` holds.
    """
    names = dict.fromkeys(name.partition("/")[0] for name in summary.get("metrics", {}))
    return [figures_of_split(summary, split) for split in sorted(names, key=lambda s: s != "test")]


def figures_of_split(summary: Mapping[str, Any], split: str) -> SplitFigures:
    """The figures of one split.

    Args:
        summary: what `summary.json` holds.
        split: its name.
    """
    metrics, intervals = (
        {
            name.removeprefix(f"{split}/"): of
            for name, of in summary.get(key, {}).items()
            if name.startswith(f"{split}/")
        }
        for key in ("metrics", "intervals")
    )
    withheld = summary.get("withheld", {}).get(split, {})
    return replace(
        _figures(split, metrics, withheld, intervals), withheld=withheld_figures(metrics, withheld)
    )


def _figures(
    split: str,
    figures: Mapping[str, float],
    withheld: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Interval],
) -> SplitFigures:
    first = f"/recall_at_{RECALL_AT[0]}"
    directions = [what.removesuffix(first) for what in figures if what.endswith(first)]
    types = figures_by_type(figures, withheld, intervals)
    left = _with_blind(
        {
            name: Figure(of, intervals.get(name), is_share=is_share(name))
            for name, of in figures.items()
            if not re.fullmatch(OF_TYPE, name)
            and not name.startswith("probe/")  # which has a panel of its own
            and name.rpartition("/")[0] not in directions
        }
    )
    return SplitFigures(
        split=split,
        retrievals=[
            Retrieval(
                name=direction_in_words(direction),
                recalls=[figures.get(f"{direction}/recall_at_{k}") for k in RECALL_AT],
                median_rank=figures.get(f"{direction}/median_rank"),
                chance=figures.get(f"{direction}/chance"),
                interval=intervals.get(direction + first),
            )
            for direction in directions
        ],
        matching=left.pop("matching/accuracy", None),
        masked_language=left.pop("masked_language/accuracy", None),
        types=types,
        captions=_captions(left),
        others={spoken(name): figure for name, figure in left.items()},
    )


def _with_blind(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Every figure beside what it is blindly, which then has no place of its own."""
    blind = {}
    for name in figures:
        others = [n for n in figures if n.startswith(f"{name}_without_")]
        others = [*(f"{name}{end}" for end in BLIND if f"{name}{end}" in figures), *others]
        if others:
            blind[name] = others[0]
    found = {
        name: replace(figure, blind=figures[blind[name]].value) if name in blind else figure
        for name, figure in figures.items()
        if name not in blind.values()
    }
    return {
        name: replace(figure, blind=GUESSED_PAIRS) if re.match(PAIRED, name) else figure
        for name, figure in found.items()
    }


def _captions(left: dict[str, Figure]) -> dict[str, Figure]:
    """The figures of captioning, which are taken out of what is left."""
    own = {name: left.pop(name) for name in list(left) if name.startswith("captioning/")}
    named = {title: f"captioning/{name}" for name, title in TEXT_FIGURES.items()}
    return {title: own[name] for title, name in named.items() if name in own}
