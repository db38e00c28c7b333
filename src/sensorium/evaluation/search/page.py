"""A search on one page: what is best, how it was found, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.verdict import told
from sensorium.evaluation.search.charts import history, kind_of, parallel, slices
from sensorium.evaluation.search.found import Found, Tried
from sensorium.page import write_page

LEAST_FOR_PARALLEL = 2  # keys


def write_search(path: Path, found: Found) -> None:
    """Write the page.

    Args:
        path: the page.
        found: in which at least one trial has come to its end.
    """
    headline = found.headline
    assert headline is not None, "known once a trial has come to its end"
    names = short_names(found)
    importances = [(names[key], share) for key, share in found.importances.items()]
    several = len(found.space) >= LEAST_FOR_PARALLEL
    write_page(
        path,
        "evaluation/search/page.html.jinja",
        found=found,
        headline=headline,
        unit="percent" if headline.is_share else "",
        setting=_setting(found),
        history=history(found, headline),
        slices=slices(found, headline, names),
        parallel=parallel(found, headline, names) if several else None,
        importances=importances,
        names=names,
        rows=[(one, kind_of(one, found), _figure(one, headline)) for one in _in_order(found)],
    )


def short_names(found: Found) -> Mapping[str, str]:
    """Every key as short as it can be told from the others."""
    names = {}
    for key in found.space:
        parts = key.split(".")
        ends = [".".join(parts[cut:]) for cut in range(len(parts) - 1, -1, -1)]
        names[key] = next(
            end
            for end in ends
            if sum(other == end or other.endswith(f".{end}") for other in found.space) == 1
        )
    return names


def _in_order(found: Found) -> list[Tried]:
    """The best first, then those without a figure in their order."""
    return [*found.finished, *(one for one in found.trials if one.figure is None)]


def _figure(one: Tried, headline: Headline) -> str:
    figure = one.last_figure
    return "–" if figure is None else told(headline, figure)


def _setting(found: Found) -> str:
    """What was done, in a paragraph."""
    length = "" if found.budget is None else f" for {found.budget}"
    sentences = [
        f"{len(found.trials)} of {found.wanted} trials of the recipe {found.recipe}, each trained "
        f"from scratch under the same seed{length}; one that fell behind the median of those "
        "before it was ended.",
        f"Judged on {found.held_out} held out of the training set.",
    ]
    if found.left_out:
        left_out = ", ".join(found.left_out)
        sentences.append(f"Left out, since some value cannot learn it: {left_out}.")
    return " ".join(sentences)
