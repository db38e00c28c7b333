"""A comparison as a whole: who is ranked by what, and what programs read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sensorium.evaluation.comparison.contenders import Contender, Terms, common_metrics
from sensorium.evaluation.comparison.headlines import deciding, present
from sensorium.evaluation.comparison.noise import CONFIDENCE
from sensorium.evaluation.comparison.ranking import Ranking, place_of, rank
from sensorium.evaluation.comparison.verdict import verdict


@dataclass(frozen=True)
class Comparison:
    """Variants ranked by every figure that is shown.

    Attributes:
        terms: what they had in common.
        contenders: all of them.
        rankings: the deciding one first; none before every variant has finished under a seed.
    """

    terms: Terms
    contenders: list[Contender]
    rankings: list[Ranking]

    @classmethod
    def of(cls, terms: Terms, contenders: Sequence[Contender], metric: str | None) -> Comparison:
        """Rank what is finished.

        Args:
            metric: the figure that decides; None takes the first headline that fits.

        Raises:
            RecipeError: the runs have no such figure.
        """
        metrics = common_metrics(contenders)
        first = deciding(metrics, metric, of_fusions=terms.of_fusions) if metrics else None
        others = [headline for headline in present(metrics) if headline != first]
        headlines = [first, *others] if first else []
        rankings = [rank(headline, contenders, terms.overlap) for headline in headlines]
        return cls(terms, list(contenders), [one for one in rankings if one is not None])

    @property
    def verdict(self) -> list[str]:
        """Plain sentences, the first one says who is best."""
        return verdict(self.rankings[0], self.contenders) if self.rankings else []

    def facts(self) -> dict[str, Any]:
        """What programs read: `comparison.json`."""
        first = self.rankings[0] if self.rankings else None
        return {
            **asdict(self.terms),
            "metric": None if first is None else first.headline.pattern,
            "verdict": self.verdict,
            "figures": [
                {
                    "metric": ranking.headline.pattern,
                    "name": str(ranking.headline),
                    "noise": ranking.noise.deviation,
                    "degrees_of_freedom": ranking.noise.freedom,
                    "least_difference": ranking.noise.told_least,
                    "confidence": CONFIDENCE,
                }
                for ranking in self.rankings
            ],
            "variants": [self._facts_of(one) for one in self.contenders],
        }

    def _facts_of(self, one: Contender) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "name": one.name,
            "folder": one.folder,
            "finished_seeds": sorted(one.runs),
            "failures": {str(seed): why for seed, why in one.failures.items()},
        }
        if not one.runs:
            return facts
        return facts | {
            "steps": one.steps,
            "parameters": one.parameters,
            "seconds_per_step": one.seconds_per_step,
            "peak_memory_bytes": one.peak_memory_bytes,
            "figures": {
                ranking.headline.pattern: {
                    "mean": standing.mean,
                    "interval": standing.interval and list(standing.interval),
                    "by_seed": {str(seed): f for seed, f in standing.by_seed.items()},
                    "behind": standing.behind,
                    "chance": standing.chance,
                    "place": place_of(ranking, standing),
                }
                for ranking in self.rankings
                for standing in ranking.standings
                if standing.name == one.name
            },
            "withheld": {
                ranking.headline.pattern: one.withheld(ranking.headline)
                for ranking in self.rankings
            },
        }
