"""Contenders and terms made up, so that what a page says of them is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from sensorium.evaluation.comparison import Contender, Reached, Terms


def contender(
    name: str,
    accuracies: Sequence[float],
    *,
    milliseconds: float = 10.0,
    withheld: Mapping[str, Mapping[str, float]] | None = None,
    failures: dict[int, str] | None = None,
    **metrics: float,
) -> Contender:
    """A variant with matching accuracies under the seeds 0, 1, ...; other figures are the same."""
    runs = {
        seed: Reached(
            metrics={
                "matching/accuracy": accuracy,
                "contrastive/image_to_text/recall_at_1": accuracy / 2,
                **metrics,
            },
            withheld={hidden: dict(left) for hidden, left in (withheld or {}).items()},
            samples=300 + seed,
            steps=100,
            train_seconds=milliseconds / 10,
            parameters=1_000_000 + int(milliseconds),
            peak_memory_bytes=500_000_000,
        )
        for seed, accuracy in enumerate(accuracies)
    }
    return Contender(name, f"fusion={name}", runs, failures or {})


def terms(seeds: int = 3, **changed: Any) -> Terms:
    facts: dict[str, Any] = {
        "recipe": "emoji",
        "axes": {"fusion": ["gated", "sum"]},
        "of_fusions": True,
        "seeds": list(range(seeds)),
        "budget": "20% of the recipe's length",
        "held_out": "300 rows held out of the training set",
        "overlap": 0.1,
        "left_out": {},
        "kept": {},
        "facts": {"Device": "cpu"},
    }
    return Terms(**facts | changed)
