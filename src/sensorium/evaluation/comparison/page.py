"""A comparison on one page: the question, the verdict, the charts and the tables behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensorium.evaluation.comparison.charts import bars, scatters
from sensorium.evaluation.comparison.comparison import Comparison
from sensorium.evaluation.comparison.contenders import Contender, Terms
from sensorium.evaluation.comparison.curves import Rows, small_curves
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.ranking import Ranking, place_of
from sensorium.evaluation.comparison.verdict import listed, told, told_difference
from sensorium.page import write_page


@dataclass(frozen=True)
class Cell:
    """A mean with half of its interval, in words, and how it stands in its column."""

    figure: str
    half: str
    place: str


@dataclass(frozen=True)
class WithheldTable:
    """One figure with modalities withheld: columns, and for each variant a figure for each."""

    headline: Headline
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def write_comparison(
    path: Path, comparison: Comparison, curves: Mapping[str, Sequence[Rows]]
) -> None:
    """Write the page.

    Args:
        path: the page.
        comparison: in which at least one figure can be ranked by.
        curves: name of a variant -> the rows of `metrics.jsonl` of each of its runs.
    """
    contenders, rankings, terms = comparison.contenders, comparison.rankings, comparison.terms
    deciding = rankings[0]
    by_name = {one.name: one for one in contenders}
    ranked = [by_name[standing.name] for standing in deciding.standings]
    bars_, ticks = bars(deciding, by_name)
    write_page(
        path,
        "evaluation/comparison/page.html.jinja",
        question=question(terms),
        setting=_setting(terms, contenders),
        runs=sum(len(one.runs) for one in contenders),
        of_runs=len(contenders) * len(terms.seeds) - sum(len(one.failures) for one in contenders),
        failed=[one for one in contenders if one.failures],
        verdict=comparison.verdict,
        deciding=deciding,
        unit="percent" if deciding.headline.is_share else "",
        bars=bars_,
        ticks=ticks,
        rankings=rankings,
        table=[(one, [_cell(ranking, one.name) for ranking in rankings]) for one in ranked],
        same_steps=len({one.steps for one in ranked}) == 1,
        scatters=list(scatters(deciding, ranked)),
        withheld=list(_withheld([ranking.headline for ranking in rankings], ranked)),
        curves=small_curves([one.name for one in ranked], curves, deciding.headline),
        facts=list(terms.facts.items()),
        how=_how(deciding, terms),
    )


def question(terms: Terms) -> str:
    """As a person would ask it: `Which fusion for emoji?`."""
    return f"Which {listed(list(terms.axes))} for {terms.recipe}?"


def _setting(terms: Terms, contenders: Sequence[Contender]) -> str:
    """What was done, in a paragraph."""
    seeds = "one seed" if len(terms.seeds) == 1 else f"the same {len(terms.seeds)} seeds"
    steps = {one.steps for one in contenders if one.runs}
    length = f", which is {steps.pop():,} steps," if len(steps) == 1 else ""
    sentences = [
        f"{len(contenders)} variants of the recipe {terms.recipe}, each trained from scratch under "
        f"{seeds}" + ("." if terms.budget is None else f" for {terms.budget}{length} and no more."),
        f"Judged on {terms.held_out}; the test set was not looked at.",
    ]
    if terms.left_out:
        sentences.append(
            f"Left out for all, since some variant cannot learn it: {listed(list(terms.left_out))}."
        )
    if terms.kept:
        kept = listed([f"{key} {value}" for key, value in terms.kept.items()])
        sentences.append(f"The recipe's {kept} hold for every fusion that has them.")
    if terms.budget is not None:
        sentences.append("A short budget favours what learns fast.")
    return " ".join(sentences)


def _cell(ranking: Ranking, name: str) -> Cell:
    standing = next(s for s in ranking.standings if s.name == name)
    scale, digits = (100, "{:.1f}") if ranking.headline.is_share else (1, "{:.3g}")
    half = ""
    if standing.interval is not None:
        half = digits.format(scale * (standing.interval[1] - standing.mean))
    return Cell(digits.format(scale * standing.mean), half, place_of(ranking, standing))


def _withheld(
    headlines: Sequence[Headline], ranked: Sequence[Contender]
) -> Iterator[WithheldTable]:
    """Of each figure that can be computed with something withheld."""
    for headline in headlines:
        left = {one.name: one.withheld(headline) for one in ranked}
        subsets = list(dict.fromkeys(hidden for own in left.values() for hidden in own))
        if subsets:
            figures = {
                one.name: [one.mean(headline), *(left[one.name].get(s) for s in subsets)]
                for one in ranked
            }
            yield WithheldTable(
                headline,
                [hidden.replace("+", " + ") for hidden in subsets],
                [
                    (name, ["–" if f is None else told(headline, f) for f in row])
                    for name, row in figures.items()
                ],
            )


def _how(ranking: Ranking, terms: Terms) -> str:
    """How the test reads the seeds, for who wants to know."""
    if len(ranking.seeds) == 1 or len(ranking.standings) == 1:
        return "One seed holds no noise to measure: no difference is called one."
    noise = ranking.noise
    text = (
        "Under one seed all variants have the same split, order and first encoders, so what a seed "
        "does to all of them alike is taken out, as that of a block. What is left over has a "
        f"standard deviation of {told_difference(ranking.headline, noise.deviation)}, with "
        f"{noise.freedom} degrees of freedom. Two variants differ where their means are more than "
        f"{told_difference(ranking.headline, noise.least)} apart: Tukey's test of all pairs at "
        "once, at 95 % confidence (of two variants, the paired t-test). The intervals in the table "
        "are Student's, of each mean by itself, and hold what seeds do to all variants alike."
    )
    if terms.overlap:
        text += (
            f" Every seed holds out other rows, and the training sets overlap: the variance of a "
            f"mean is counted as s² (1/{len(ranking.seeds)} + {terms.overlap:.3f}), after Nadeau "
            "and Bengio."
        )
    return text
