"""Several sets as one: rows interleaved by weight, and mapped sets that are mixed by it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from sensorium.batch import Sample
from sensorium.data.dataset import Dataset
from sensorium.data.specimen import Specimen
from sensorium.errors import DataError

DRAWS = 10_000
"""After so many, the pattern of draws begins anew; a weight is kept to one in so many."""


class Interleaving:
    """Which set each draw is from: as often as its weight says, spread evenly, without chance."""

    def __init__(self, weights: Sequence[float]) -> None:
        shares = np.array(weights) / sum(weights) * DRAWS
        counts = np.maximum(np.floor(shares).astype(np.int64), 1)
        for number in np.argsort(counts - shares, kind="stable")[: max(DRAWS - counts.sum(), 0)]:
            counts[number] += 1
        counts[np.argmax(counts)] -= counts.sum() - DRAWS
        places = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
        self.counts = counts
        self.pattern = np.repeat(np.arange(len(counts)), counts)[np.argsort(places, kind="stable")]
        own = self.pattern[:, None] == np.arange(len(counts))
        self._before = (own.cumsum(0) - own)[np.arange(DRAWS), self.pattern]

    def set_of(self, draw: int) -> int:
        """The set that a draw is from."""
        return int(self.pattern[draw % DRAWS])

    def take(self, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The set of each draw, and how many draws before it were from that set, int64 both."""
        blocks, places = np.divmod(draws, DRAWS)
        sets = self.pattern[places]
        return sets, blocks * self.counts[sets] + self._before[places]


class Mixed:
    """Mapped sets mixed by weight; each has epochs of its own, of its rows in a drawn order.

    An epoch of the whole is as many draws as the sets have rows together; in their own order, one
    set comes after the other, whatever they weigh. To be used as a `Dataset` is.

    Args:
        datasets: of one tokenizer, one seed and the same targets.
        weights: how often each is drawn from, in proportion.
    """

    def __init__(self, datasets: Sequence[Dataset], weights: Sequence[float]) -> None:
        self.parts = list(datasets)
        self.interleaving = Interleaving(weights)
        self.name = " + ".join(dataset.name for dataset in datasets)
        self.modalities = datasets[0].modalities
        self.targets = datasets[0].targets
        self.config = datasets[0].config

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def sample(self, index: int, epoch: int) -> Sample:
        """As `Dataset.sample`; the rows of the sets are numbered through."""
        dataset, index = self._find(index)
        return dataset.sample(index, epoch)

    def id(self, index: int) -> str:
        dataset, index = self._find(index)
        return dataset.id(index)

    @property
    def varies(self) -> bool:
        """As `Dataset.varies`."""
        return any(dataset.varies for dataset in self.parts)

    def size(self, index: int) -> tuple[int, ...]:
        """As `Dataset.size`."""
        dataset, index = self._find(index)
        return dataset.size(index)

    def order(self, seed: int, epoch: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Dataset.order`; `draws` is the same for all epochs."""
        numbers = np.arange(epoch * draws, (epoch + 1) * draws)
        sets, counts = self.interleaving.take(numbers)
        indices, epochs = np.empty_like(numbers), np.empty_like(numbers)
        for number, (dataset, start) in enumerate(zip(self.parts, self._starts(), strict=True)):
            own = sets == number
            epochs[own], places = np.divmod(counts[own], len(dataset))
            for of_set in np.unique(epochs[own]):
                there = np.flatnonzero(own)[epochs[own] == of_set]
                order, _ = dataset.order(seed, int(of_set), len(dataset))
                indices[there] = start + order[places[epochs[own] == of_set]]
        return indices, epochs

    def index_of(self, id: str) -> int:
        """As `Dataset.index_of`."""
        for dataset, start in zip(self.parts, self._starts(), strict=True):
            with suppress(DataError):
                return int(start) + dataset.index_of(id)
        raise DataError(f"{self.name} has no sample {id!r}; one that it has is {self.id(0)!r}")

    def describe(self, index: int) -> dict[str, str | None]:
        """As `Dataset.describe`."""
        dataset, index = self._find(index)
        return dataset.describe(index)

    def image_bytes(self, index: int) -> bytes | None:
        """As `Dataset.image_bytes`."""
        dataset, index = self._find(index)
        return dataset.image_bytes(index)

    def frame_bytes(self, index: int) -> bytes | None:
        """As `Dataset.frame_bytes`."""
        dataset, index = self._find(index)
        return dataset.frame_bytes(index)

    def specimen(self, index: int) -> Specimen:
        """As `Dataset.specimen`."""
        dataset, index = self._find(index)
        return dataset.specimen(index)

    def _find(self, index: int) -> tuple[Dataset, int]:
        starts = self._starts()
        number = int(np.searchsorted(starts, index, side="right")) - 1
        return self.parts[number], index - int(starts[number])

    def _starts(self) -> np.ndarray:
        """The index of the first row of each set."""
        return np.cumsum([0, *map(len, self.parts[:-1])])
