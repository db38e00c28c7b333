"""How much each modality has to do with what a run's model says of a set, into `summary.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sensorium.batch import Batch
from sensorium.evaluation.shares import mean_shares
from sensorium.run import Run
from sensorium.tasks import Mixture
from sensorium.verbs.listeners import Listeners


def record_shares(
    run: Run,
    mixture: Mixture,
    batches: Iterable[Batch],
    samples: int,
    split: str,
    listeners: Listeners,
) -> dict[str, Any]:
    """Put the mean shares of a set into the run's summary; the summary.

    Args:
        run: the run folder.
        mixture: its model and tasks.
        batches: one pass over the set.
        samples: how many it has.
        split: what it is called.
        listeners: who is told of progress.
    """
    summary = run.summary()
    assert summary is not None, "a run that has not ended is not judged"
    found = mean_shares(
        mixture, batches, lambda done: listeners.on_work(f"shares in {split}", done, samples)
    )
    shares = {name: of.facts() for name, of in found.items()}
    summary["shares"] = summary.get("shares", {}) | {split: shares}
    run.write_summary(summary)
    return summary
