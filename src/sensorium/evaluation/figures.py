"""The flat metrics of `summary.json` -> what the report shows of every split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sensorium.tasks.ranking import RECALL_AT


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
        others: spoken name -> figure, of everything else.
    """

    split: str
    retrievals: list[Retrieval]
    matching: float | None
    masked_language: float | None
    masked_language_withheld: float | None
    others: dict[str, float]


def figures_by_split(metrics: Mapping[str, float]) -> list[SplitFigures]:
    """Sort metrics named `split/task/what` by split, the test set first."""
    splits: dict[str, dict[str, float]] = defaultdict(dict)
    for name, figure in metrics.items():
        split, _, what = name.partition("/")
        splits[split][what] = figure
    return [_figures(split, splits[split]) for split in sorted(splits, key=lambda s: s != "test")]


def spoken(name: str) -> str:
    """A figure's name for people: `contrastive/image_to_text` is `contrastive, image → text`."""
    return name.replace("/", ", ").replace("_to_", " → ").replace("_", " ")


def _figures(split: str, figures: Mapping[str, float]) -> SplitFigures:
    left = dict(figures)
    first = f"/recall_at_{RECALL_AT[0]}"
    directions = [what.removesuffix(first) for what in figures if what.endswith(first)]
    return SplitFigures(
        split=split,
        retrievals=[
            Retrieval(
                name=_direction(direction),
                recalls=[left.pop(f"{direction}/recall_at_{k}", None) for k in RECALL_AT],
                median_rank=left.pop(f"{direction}/median_rank", None),
                chance=left.pop(f"{direction}/chance", None),
            )
            for direction in directions
        ],
        matching=left.pop("matching/accuracy", None),
        masked_language=left.pop("masked_language/accuracy", None),
        masked_language_withheld=left.pop("masked_language/accuracy_withheld", None),
        others={spoken(name): figure for name, figure in left.items()},
    )


def _direction(name: str) -> str:
    """`contrastive/image_to_text` and `matching/reranked_image_to_text` in words."""
    direction = name.rpartition("/")[2]
    plain = direction.removeprefix("reranked_")
    return spoken(plain) + (", re-ranked" if plain != direction else "")
