"""What a ranking comes to, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from sensorium.evaluation.comparison.contenders import Contender
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.ranking import Ranking, Standing

FEW_SEEDS = 5  # below this the page says how little they tell


def verdict(ranking: Ranking, contenders: Sequence[Contender]) -> list[str]:
    """Sentences: who is best, who cannot be told from it, what to take, and how sure that is.

    Args:
        ranking: by the figure that decides.
        contenders: all variants, for their costs.
    """
    failed = [one for one in contenders if one.failures]
    return [
        *_standing(ranking),
        *_cheapest(ranking, contenders),
        *_confidence(ranking),
        *(
            f"{one.name} takes no part, since its run under seed {seed} broke off: {why}"
            for one in failed
            for seed, why in list(one.failures.items())[:1]
        ),
    ]


def told(headline: Headline, figure: float) -> str:
    """A figure for people: shares as percentages."""
    return f"{100 * figure:.1f} %" if headline.is_share else f"{figure:.3g}"


def told_difference(headline: Headline, difference: float) -> str:
    """A difference of two figures: of shares in percentage points."""
    return f"{100 * difference:.1f} points" if headline.is_share else f"{difference:.3g}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _standing(ranking: Ranking) -> list[str]:
    headline, best, noise = ranking.headline, ranking.best, ranking.noise
    mean = told(headline, best.mean)
    extreme = "lowest" if headline.lower_is_better else "highest"
    if len(ranking.standings) == 1:
        return [f"Only {best.name} has finished: {headline} {mean}."]
    of_seeds = "under one seed" if len(ranking.seeds) == 1 else f"over {len(ranking.seeds)} seeds"
    first = f"{best.name} has the {extreme} {headline}: {mean} {of_seeds}."
    if len(ranking.seeds) == 1:
        return [first, "One seed cannot tell a difference from noise."]
    least = told_difference(headline, noise.least)
    if not ranking.behind:
        widest = told_difference(headline, ranking.standings[-1].behind)
        return [
            first,
            f"But no difference is more than noise: none below {least} can be told from chance "
            f"here, and the widest is {widest}.",
        ]
    names = [s.name for s in ranking.behind]
    if not ranking.level:
        return [first, f"It is ahead of {_all(names)} by more than noise ({_next(ranking)})."]
    level = listed([s.name for s in ranking.level])
    return [
        first,
        f"Within noise of it {'is' if len(ranking.level) == 1 else 'are'} {level}: differences "
        f"below {least} cannot be told from chance here.",
        f"It is ahead of {listed(names)} by more than noise.",
    ]


def _all(names: Sequence[str]) -> str:
    return f"all {len(names)} others" if len(names) > 2 else listed(names)


def _next(ranking: Ranking) -> str:
    """How sure the best is ahead of the next."""
    following: Standing = ranking.standings[1]
    chance = following.chance
    sure = "less than 0.1 %" if chance < 0.001 else f"{100 * chance:.2g} %"
    ahead = told_difference(ranking.headline, following.behind)
    return f"of {following.name}, the next, by {ahead}; chance alone: {sure}"


def _cheapest(ranking: Ranking, contenders: Sequence[Contender]) -> list[str]:
    """Which to take of those that are level, where the seeds can tell."""
    if len(ranking.seeds) == 1 or not ranking.level:
        return []
    level = {s.name for s in (ranking.best, *ranking.level)}
    costs = {one.name: one.seconds_per_step for one in contenders if one.name in level}
    fastest = min(costs, key=costs.__getitem__)
    if fastest == ranking.best.name:
        return [f"Of these {fastest} is also the fastest: {1000 * costs[fastest]:.0f} ms a step."]
    return [
        f"Of these {fastest} is the fastest: {1000 * costs[fastest]:.0f} ms a step, and "
        f"{1000 * costs[ranking.best.name]:.0f} ms for {ranking.best.name}."
    ]


def _confidence(ranking: Ranking) -> list[str]:
    """How little few seeds tell, and what to do about it; the runs that there are stay."""
    seeds = len(ranking.seeds)
    if len(ranking.standings) == 1 or seeds >= FEW_SEEDS:
        return []
    if seeds == 1:
        return ["--seeds 3 adds to the runs that there are."]
    count = {2: "Two", 3: "Three", 4: "Four"}[seeds]
    return [
        f"{count} seeds are few. --seeds {FEW_SEEDS} adds to the runs that there are and tells "
        "smaller differences."
    ]
