"""The flat metrics of `summary.json` -> what the report shows of every split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sensorium.tasks.ranking import RECALL_AT

MAIN_FIGURES = r"/(recall_at_1|accuracy|r2|cider)$"

OF_TYPE = r"(.+)/accuracy_(majority_)?of_([^/]+)"
"""A figure of one type of questions, `task/accuracy_of_colour`, or what a guess by type reaches."""

TEXT_FIGURES = {
    "cider": "CIDEr",
    **{f"bleu_{n}": f"BLEU-{n}" for n in range(1, 5)},
    "exact_match": "word for word",
    "accuracy": "next token, accuracy",
    "perplexity": "next token, perplexity",
}
"""What captioning is judged by -> its name for people."""


@dataclass(frozen=True)
class Retrieval:
    """Figures of one direction of retrieval.

    Attributes:
        name: as in `image → text`.
        recalls: shares found among the first 1, 5 and 10.
        median_rank: from 1.
        chance: share found first by a random order.
    """

    name: str
    recalls: list[float | None]
    median_rank: float | None
    chance: float | None

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
        matching: accuracy; guessing gives 0.5.
        masked_language: accuracy.
        masked_language_withheld: the same with all but the text withheld.
        types: accuracies by type of question, of each task that has them.
        captions: name for people -> the figure of captions, and the same of captions that are
            written without seeing anything, where that is known.
        others: spoken name -> figure, of everything else.
        withheld: what becomes of the figures without some modalities.
    """

    split: str
    retrievals: list[Retrieval]
    matching: float | None
    masked_language: float | None
    masked_language_withheld: float | None
    types: list[Types]
    captions: dict[str, tuple[float, float | None]]
    others: dict[str, float]
    withheld: Withheld | None = None


@dataclass(frozen=True)
class Withheld:
    """The main figures of a split, and the same with some modalities withheld.

    Attributes:
        columns: what was withheld, as in `audio` or `audio + text`.
        rows: spoken name -> the figure with nothing withheld, and then by column; None where it
            cannot be computed.
    """

    columns: list[str]
    rows: dict[str, list[float | None]]


@dataclass(frozen=True)
class Types:
    """Accuracies of a task by type of question, each beside what is reached blindly.

    Attributes:
        name: of the task, for people.
        columns: `accuracy`, then what is withheld, as in `without image`, then `majority`.
        rows: type -> its figures; the first row is of all questions together.
    """

    name: str
    columns: list[str]
    rows: dict[str, list[float | None]]


def figures_by_type(
    metrics: Mapping[str, float], without: Mapping[str, Mapping[str, float]]
) -> list[Types]:
    """The accuracies by type of one split, of each task that has them.

    Args:
        metrics: named `task/what`.
        without: modalities joined by `+` -> the same, as far as they can be computed.
    """
    matches = [match for name in metrics if (match := re.fullmatch(OF_TYPE, name))]
    tasks = dict.fromkeys(match[1] for match in matches)
    columns = ["accuracy", *(f"without {n.replace('+', ' + ')}" for n in without), "majority"]

    def row(task: str, end: str) -> list[float | None]:
        name, blind = f"{task}/accuracy{end}", f"{task}/accuracy_majority{end}"
        return [metrics.get(name), *(of.get(name) for of in without.values()), metrics.get(blind)]

    return [
        Types(
            name=spoken(task),
            columns=columns,
            rows={"all": row(task, "")}
            | {m[3]: row(task, f"_of_{m[3]}") for m in matches if m[1] == task},
        )
        for task in tasks
    ]


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
    return Withheld([name.replace("+", " + ") for name in without], rows) if without else None


def figures_by_split(
    metrics: Mapping[str, float],
    withheld: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
) -> list[SplitFigures]:
    """Sort metrics named `split/task/what` by split, the test set first.

    Args:
        metrics: of `summary.json`.
        withheld: split -> modalities -> figures, of the same.
    """
    splits: dict[str, dict[str, float]] = defaultdict(dict)
    for name, figure in metrics.items():
        split, _, what = name.partition("/")
        splits[split][what] = figure
    withheld = withheld or {}
    return [
        replace(
            _figures(split, splits[split], withheld.get(split, {})),
            withheld=withheld_figures(splits[split], withheld.get(split, {})),
        )
        for split in sorted(splits, key=lambda s: s != "test")
    ]


def spoken(name: str) -> str:
    """A figure's name for people: `contrastive/image_to_text` is `contrastive, image → text`."""
    return name.replace("/", ", ").replace("_to_", " → ").replace("_", " ")


def direction_in_words(name: str) -> str:
    """`contrastive/image_to_text` is `image → text`; with `matching/reranked_`, `, re-ranked`."""
    direction = name.rpartition("/")[2]
    plain = direction.removeprefix("reranked_")
    return spoken(plain) + (", re-ranked" if plain != direction else "")


def _figures(
    split: str, figures: Mapping[str, float], withheld: Mapping[str, Mapping[str, float]]
) -> SplitFigures:
    left = {name: figure for name, figure in figures.items() if not re.fullmatch(OF_TYPE, name)}
    first = f"/recall_at_{RECALL_AT[0]}"
    directions = [what.removesuffix(first) for what in figures if what.endswith(first)]
    return SplitFigures(
        split=split,
        retrievals=[
            Retrieval(
                name=direction_in_words(direction),
                recalls=[left.pop(f"{direction}/recall_at_{k}", None) for k in RECALL_AT],
                median_rank=left.pop(f"{direction}/median_rank", None),
                chance=left.pop(f"{direction}/chance", None),
            )
            for direction in directions
        ],
        matching=left.pop("matching/accuracy", None),
        masked_language=left.pop("masked_language/accuracy", None),
        masked_language_withheld=left.pop("masked_language/accuracy_withheld", None),
        types=figures_by_type(figures, withheld),
        captions=_captions(left),
        others={
            spoken(name): figure
            for name, figure in left.items()
            if not name.startswith("probe/")  # which has a panel of its own
        },
    )


def _captions(left: dict[str, float]) -> dict[str, tuple[float, float | None]]:
    """The figures of captioning, which are taken out of what is left."""
    own = {n: left.pop(n) for n in list(left) if n.startswith("captioning/")}
    blind = {n.partition("_without_")[0]: f for n, f in own.items() if "_without_" in n}
    named = {title: f"captioning/{name}" for name, title in TEXT_FIGURES.items()}
    return {title: (own[n], blind.get(n)) for title, n in named.items() if n in own}
