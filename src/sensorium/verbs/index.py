"""Index any data with a run's model, so that it can be searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sensorium.data import Quarantine, open_dataset
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.index import SearchIndex
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.load import open_trained


@dataclass(frozen=True)
class Indexed:
    """What `index` made.

    Attributes:
        folder: the index.
        samples: how many samples were read.
        rows: how many vectors it holds, one for each modality of each sample.
        quarantined: how many samples could not be read.
    """

    folder: Path
    samples: int
    rows: int
    quarantined: int


def index(
    run: str | Path,
    data: str | Path,
    *,
    device: str = "auto",
    listeners: Listeners | None = None,
) -> Indexed:
    """Make the search index that of `data`; what it holds already is not embedded again.

    Args:
        run: the folder of a run, or of a bundle.
        data: anything that the library reads.
        device: where to compute.
        listeners: who is told of progress.

    Raises:
        SensoriumError: no such run or data, or too much of it broken.
    """
    listeners = listeners or Listeners()
    trained = open_trained(run, device=device)
    quarantine_path = trained.folder / "index_quarantine.jsonl"
    quarantine_path.unlink(missing_ok=True)  # of what was indexed before
    quarantine = Quarantine(quarantine_path, 0, trained.data.failure_budget)
    dataset = open_dataset(data, trained.data, trained.tokenizer, quarantine)
    for note in dataset.source.notes:
        listeners.on_note(note)
    search_index = SearchIndex(trained.folder / "index")
    rows = search_index.build(
        dataset,
        Embedder(trained.mixture, dataset.modalities),
        quarantine,
        lambda done, total: listeners.on_work("indexing", done, total),
    )
    return Indexed(search_index.folder, len(dataset), rows, len(quarantine))
