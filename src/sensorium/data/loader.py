"""Batches of a dataset, epoch after epoch, from a position that can be saved and restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from sensorium.batch import Batch, Sample
from sensorium.data.collate import collate
from sensorium.data.dataset import Dataset
from sensorium.data.mixing import Mixed
from sensorium.data.modalities import Modality
from sensorium.data.quarantine import Broken, BrokenSample, Quarantine
from sensorium.data.targets import Target
from sensorium.errors import DataError

Place = tuple[int, int]
"""Index of a sample, and epoch."""


class Loader:
    """Batches of a dataset; broken samples are recorded and left out of theirs.

    With `shuffle` it never ends: each epoch has an order of its own, which follows from the seed.
    Within windows of that order batches are made of samples of like size, where sizes vary.
    Without `shuffle`, one iteration is one pass in order, and the next begins anew.

    Args:
        batch_size: samples of a batch, over all ranks together.
        drop_last: leave out the last batch of an epoch where it is not full.
        workers: processes that prepare batches; 0 prepares them here. The batches are the same.
        pin_memory: put batches where a GPU copies them from fastest.
        rank, ranks: which of several processes this is, each of which gets its share of every
            batch. A share of which nothing can be read is an empty batch, so that all ranks go on
            in step.

    Raises:
        DataError: the dataset is too small to give a batch, or the batch too small to be shared.
    """

    def __init__(
        self,
        dataset: Dataset | Mixed,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        quarantine: Quarantine,
        workers: int = 0,
        drop_last: bool,
        pin_memory: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        full, rest = divmod(len(dataset), batch_size)
        self.batches_per_epoch = full if drop_last else full + bool(rest)
        self._name = dataset.name
        if batch_size < ranks:
            raise DataError(
                f"{self._name}: a batch of {batch_size} samples cannot be shared by {ranks} "
                "processes; raise train.batch_size, or start fewer"
            )
        if not self.batches_per_epoch:
            raise DataError(
                f"{self._name}: expected at least "
                f"{f'one batch of {batch_size} usable samples' if drop_last else 'one'}, "
                f"got {len(dataset)}; lower the batch size or add data"
            )
        self._quarantine = quarantine
        self._ranks = ranks
        self._course = _Course(
            dataset, batch_size, self.batches_per_epoch, seed, shuffle, rank, ranks
        )
        window = dataset.config.size_window_batches
        if shuffle and dataset.varies and window > 1:
            self._course.alike = _Alike(dataset, window, batch_size, seed)
        self._batches: DataLoader[Sample | Broken] = DataLoader(
            _Decoded(dataset),
            batch_sampler=self._course,
            collate_fn=_Collate(dataset.modalities, dataset.targets),
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin_memory,
            # Its own generator: the model's draws must not depend on how often data is iterated.
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[Batch]:
        empty = 0
        try:
            for batch, broken, flaws in self._batches:
                self._course.advance()
                self._quarantine.add_flaws(flaws)
                self._quarantine.add_all(broken)
                empty = empty + 1 if batch is None else 0
                if empty > self.batches_per_epoch:
                    raise DataError(f"{self._name}: no sample of it can be read")
                if batch is not None:
                    yield batch
                elif self._ranks > 1:
                    yield Batch([], {})
        finally:
            if not self._course.shuffle:
                self._course.epoch = self._course.batch = 0

    def state(self) -> dict[str, Any]:
        """The place of the next batch to be given out, however many workers have prepared."""
        return {"epoch": self._course.epoch, "batch": self._course.batch}

    def restore(self, state: dict[str, Any]) -> None:
        """Make the next iteration begin at a place that `state` gave.

        Raises:
            DataError: the epoch has fewer batches than that, so the data or batch size differs.
        """
        if not 0 <= state["batch"] < self.batches_per_epoch:
            raise DataError(
                f"cannot resume at batch {state['batch']}: an epoch of {self._name} "
                f"has {self.batches_per_epoch} batches now; "
                "resume with the same data and batch size"
            )
        self._course.epoch, self._course.batch = state["epoch"], state["batch"]


@dataclass
class _Course:
    """The places of each batch, and how far they have been given out.

    A batch sampler of the `DataLoader`. It knows no `Loader`: a cycle of the two would leave the
    end of worker processes to the garbage collector, which waits seconds for each.
    """

    dataset: Dataset | Mixed
    batch_size: int
    batches_per_epoch: int
    seed: int
    shuffle: bool
    rank: int = 0
    ranks: int = 1
    epoch: int = 0
    batch: int = 0
    alike: _Alike | None = None

    def __iter__(self) -> Iterator[list[Place]]:
        epoch, batch = self.epoch, self.batch
        while True:
            indices, epochs = self._order(epoch)
            for start in range(batch, self.batches_per_epoch):
                if self.alike is not None and (start == batch or start % self.alike.window == 0):
                    self.alike.arrange(indices, epochs, epoch, start // self.alike.window)
                first = start * self.batch_size
                own = slice(first + self.rank, first + self.batch_size, self.ranks)
                yield list(zip(indices[own].tolist(), epochs[own].tolist(), strict=True))
            if not self.shuffle:
                return
            epoch, batch = epoch + 1, 0

    def advance(self) -> None:
        """Count one batch as given out."""
        self.batch += 1
        if self.batch == self.batches_per_epoch:
            self.epoch, self.batch = self.epoch + 1, 0

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            draws = self.batches_per_epoch * self.batch_size
            return self.dataset.order(self.seed, epoch, min(draws, len(self.dataset)))
        return np.arange(len(self.dataset)), np.full(len(self.dataset), epoch)


class _Alike:
    """Gathers samples of like size in the same batches, within windows of a shuffled order.

    The order of the batches stays a matter of chance, by (seed, epoch, window) alone.
    """

    def __init__(self, dataset: Dataset | Mixed, window: int, batch_size: int, seed: int) -> None:
        self.window = window
        self._dataset = dataset
        self._batch_size = batch_size
        self._seed = seed
        self._sizes: dict[int, tuple[int, ...]] = {}

    def arrange(self, indices: np.ndarray, epochs: np.ndarray, epoch: int, number: int) -> None:
        """Rearrange window `number` of an order, in place; a batch that is not full stays last."""
        samples = self.window * self._batch_size
        window = slice(number * samples, (number + 1) * samples)
        sizes = [self._size(index) for index in indices[window].tolist()]
        moved = np.array(sorted(range(len(sizes)), key=sizes.__getitem__), dtype=np.int64)
        full = len(sizes) // self._batch_size
        batches = moved[: full * self._batch_size].reshape(full, self._batch_size)
        batches[:] = np.random.default_rng([self._seed, epoch, number]).permutation(batches)
        for order in (indices, epochs):
            order[window] = order[window][moved]

    def _size(self, index: int) -> tuple[int, ...]:
        if index not in self._sizes:
            self._sizes[index] = self._dataset.size(index)
        return self._sizes[index]


class _Decoded(TorchDataset[Sample | Broken]):
    """The samples of places; a broken one is a value here, since it has to leave its process."""

    def __init__(self, dataset: Dataset | Mixed) -> None:
        self._dataset = dataset

    def __getitem__(self, place: Place) -> Sample | Broken:
        index, epoch = place
        try:
            return self._dataset.sample(index, epoch)
        except BrokenSample as error:
            return Broken(self._dataset.id(index), str(error))


class _Collate:
    """Samples and broken ones -> the batch of the samples, if there are any, the broken, and what
    is wrong inside of the samples."""

    def __init__(self, modalities: Mapping[str, Modality], targets: Mapping[str, Target]) -> None:
        self._modalities = modalities
        self._targets = targets

    def __call__(
        self, items: list[Sample | Broken]
    ) -> tuple[Batch | None, list[Broken], list[Broken]]:
        samples = [item for item in items if isinstance(item, Sample)]
        broken = [item for item in items if isinstance(item, Broken)]
        if not samples:
            return None, broken, []
        return collate(samples, self._modalities, self._targets), broken, flaws_of(samples)


def flaws_of(samples: Sequence[Sample]) -> list[Broken]:
    """What is wrong inside of samples that are used all the same."""
    return [Broken(sample.id, why) for sample in samples for why in sample.flaws]
