"""Which figures of a run say how good its model is, and which of them decides a comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sensorium.errors import RecipeError, nearest
from sensorium.evaluation.names import direction_in_words, is_share, spoken

LOWER_IS_BETTER = ("median_rank", "error", "loss", "perplexity", "mae", "rmse")
"""How the names of figures end that are better the lower they are."""


@dataclass(frozen=True)
class Headline:
    """A figure of a run, or the mean of several that say the same in other directions.

    Attributes:
        pattern: which, as in `matching/accuracy`; `*` stands for anything.
        name: for people; by default that of the pattern.
        asks_fusion: whether it depends on how modalities are fused.
    """

    pattern: str
    name: str = ""
    asks_fusion: bool = True

    def of(self, metrics: Mapping[str, float]) -> float | None:
        """The figure; None where the run has none."""
        found = [metrics[name] for name in self.names(metrics)]
        return sum(found) / len(found) if found else None

    def names(self, metrics: Iterable[str]) -> list[str]:
        """The figures whose mean it is."""
        return [name for name in metrics if fnmatchcase(name, self.pattern)]

    @property
    def lower_is_better(self) -> bool:
        return self.pattern.endswith(LOWER_IS_BETTER)

    @property
    def is_share(self) -> bool:
        """Whether it is a share of something, and so read as a percentage."""
        return is_share(self.pattern)

    def __str__(self) -> str:
        if self.name:
            return self.name
        task, _, what = self.pattern.partition("/")
        direction, _, figure = what.rpartition("/")
        if direction == "*":
            return spoken(f"{task} {figure}")
        if "_to_" in direction:
            return f"{spoken(figure)}, {direction_in_words(direction)}"
        return spoken(f"{task} {what}")


HEADLINES = (
    Headline("detection/map_50", "detection mAP@50", asks_fusion=False),
    Headline("grounding/accuracy"),
    Headline("classification/accuracy"),
    Headline("question_answering/accuracy"),
    Headline("answer_generation/accuracy", "written answers"),
    Headline("regression/r2", "R²"),
    Headline("matching/accuracy"),
    Headline("masked_language/accuracy", "masked words"),
    Headline("captioning/cider", "captioning CIDEr"),
    Headline("matching/reranked_*_to_*/recall_at_1", "re-ranked R@1"),
    Headline("contrastive/*_to_*/recall_at_1", "R@1", asks_fusion=False),
)
"""What is shown beside each other. Where none is asked for, the first that a run has decides: what
people train a model for comes before what it is pretrained by; and matching before re-ranked
recall, which is contrast's own recall for the most part."""


def present(metrics: Iterable[str]) -> list[Headline]:
    """The headlines that a run with these figures has."""
    names = list(metrics)
    return [headline for headline in HEADLINES if headline.names(names)]


def check_metric(tasks: Collection[str], asked: str | None, *, of_fusions: bool) -> None:
    """Refuse, before anything is trained, what `deciding` would have to refuse after.

    Args:
        tasks: names of the tasks that all variants learn.
        asked: as in `deciding`.
        of_fusions: as in `deciding`.

    Raises:
        RecipeError: the figure is of no such task, or none depends on the fusion.
    """
    if asked is not None:
        task = asked.partition("/")[0]
        if "/" not in asked or not any(fnmatchcase(name, task) for name in tasks):
            raise RecipeError(
                f"--metric {asked}: expected a figure of {' or '.join(tasks)}, named task/what, as "
                "in matching/accuracy; * stands for anything"
            )
    elif of_fusions and set(tasks) <= {"contrastive"}:
        raise RecipeError(
            "fusions are compared, but contrast, the only task, does not look at what is fused; "
            "add a task that does, as tasks.matching={}, or choose a figure with --metric"
        )


def deciding(metrics: Iterable[str], asked: str | None, *, of_fusions: bool) -> Headline:
    """The figure that decides.

    Args:
        metrics: names of the figures that every variant has, as `task/what`.
        asked: the name or pattern of one of them; None takes the first of `HEADLINES`.
        of_fusions: whether fusions are compared, so that it has to depend on them.

    Raises:
        RecipeError: there is no such figure, or none that depends on the fusion.
    """
    names = sorted(metrics)
    if asked is not None:
        known = [headline for headline in HEADLINES if headline.pattern == asked]
        headline = known[0] if known else Headline(asked)
        if not headline.names(names):
            raise RecipeError(
                f"--metric {asked}: no such figure{nearest(asked, names)}; there are "
                f"{', '.join(names)}"
            )
        return headline
    found = [h for h in present(names) if h.asks_fusion or not of_fusions]
    if not found:
        raise RecipeError(
            "fusions are compared, but none of the figures that all variants have depends on the "
            f"fusion: {', '.join(names)}; add a task that does, as tasks.matching={{}}, or choose "
            "one with --metric"
        )
    return found[0]
