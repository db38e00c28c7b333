"""What the ranks of a training have of a batch, together; alone, what the one has."""

from __future__ import annotations

from collections.abc import Mapping

from sensorium import ranks
from sensorium.batch import Batch
from sensorium.tasks.mixture import Mixture
from sensorium.training.log import StepLoss


def whole_batch(mixture: Mixture, prepared: Batch) -> tuple[int, dict[str, int]]:
    """Samples of the batch over all ranks, and the items of each task that has any."""
    own = mixture.counts(prepared)
    names = list(mixture.tasks)
    samples, *items = ranks.totals([len(prepared), *(own.get(name, 0) for name in names)])
    counts = {name: round(count) for name, count in zip(names, items, strict=True)}
    return round(samples), {name: count for name, count in counts.items() if count}


def over_ranks(sums: Mapping[str, StepLoss]) -> dict[str, StepLoss]:
    """Each rank's part of the mean losses and accuracies, together."""
    means = ranks.totals([loss.mean for loss in sums.values()])
    accuracies = ranks.totals([loss.accuracy for loss in sums.values()])
    return {
        name: StepLoss(*of_task) for name, *of_task in zip(sums, means, accuracies, strict=True)
    }
