"""Batches of streams, without end, from a position that can be saved and restored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

import torch
from torch import distributed
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from sensorium.batch import Batch, Sample
from sensorium.data.collate import collate
from sensorium.data.dataset import make_sample
from sensorium.data.loader import flaws_of
from sensorium.data.mixing import Interleaving
from sensorium.data.modalities import build_modalities
from sensorium.data.quarantine import Broken, BrokenSample, Quarantine
from sensorium.data.reader import RowReader
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row
from sensorium.data.streams import StreamSource
from sensorium.data.targets import Target
from sensorium.data.text import Tokenizer
from sensorium.data.windows import Cursor, Windows
from sensorium.errors import DataError, SensoriumError

LEAST_TOTAL = 10_000
"""Of a stream that does not say how many rows it has, the failure budget is a share of the rows
that were read, and at least of so many."""


@dataclass(frozen=True)
class Streamed:
    """Streams to train on.

    Attributes:
        sources: one or several.
        weights: how often each is drawn from, in proportion.
        window_rows: of each, how many rows are shuffled together.
        configs: of each, alike but for what is required of its rows.
        seed: not negative.
        targets: every target of the run, by name.
    """

    sources: Sequence[StreamSource]
    weights: Sequence[float]
    window_rows: Sequence[int]
    configs: Sequence[DataConfig]
    tokenizer: Tokenizer
    seed: int
    targets: Mapping[str, Target] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " + ".join(source.name for source in self.sources)

    @property
    def rows(self) -> int | None:
        """Of all; None where one of them does not say."""
        known = [source.stream.rows for source in self.sources]
        return None if None in known else sum(filter(None, known))


@dataclass(frozen=True)
class _Lane:
    """What one worker of one rank has drawn.

    Attributes:
        draws: rows, broken ones too.
        first: those of them that were of a first epoch.
        cursors: place in each stream.
    """

    draws: int = 0
    first: int = 0
    cursors: list[dict[str, int]] = field(default_factory=list)


class StreamLoader:
    """Batches of streams; broken samples are recorded and left out of theirs.

    Each worker of each rank reads rows of its own, and the batches are taken from the workers in
    turn. So every row is in one batch an epoch, and the batches depend on the number of workers.

    Args:
        batch_size: samples of a batch, over all ranks together.
        workers: processes that prepare batches; 0 prepares them here.
        pin_memory: put batches where a GPU copies them from fastest.
        rank, ranks: which of several processes this is, each of which gets its share of every
            batch; by default as `torch.distributed` says. A share of which nothing can be read is
            an empty batch, so that all ranks go on in step.

    Attributes:
        batches_per_epoch: 0 where the streams do not say how many rows they have.

    Raises:
        DataError: the batch is too small to be shared.
    """

    def __init__(
        self,
        streamed: Streamed,
        *,
        batch_size: int,
        quarantine: Quarantine,
        workers: int = 0,
        pin_memory: bool = False,
        rank: int | None = None,
        ranks: int | None = None,
    ) -> None:
        here = _ranks()
        self._ranks = here[1] if ranks is None else ranks
        rank = here[0] if rank is None else rank
        share = len(range(rank, batch_size, self._ranks))
        if batch_size < self._ranks:
            raise DataError(
                f"{streamed.name}: a batch of {batch_size} samples cannot be shared by "
                f"{self._ranks} processes; raise train.batch_size, or start fewer"
            )
        rows = streamed.rows
        self.batches_per_epoch = 0 if rows is None else max(rows // batch_size, 1)
        self._quarantine = quarantine
        self._rows_before = quarantine.total
        self._rows = rows
        self._name = streamed.name
        lanes = max(workers, 1)
        self._lanes = _Lanes(streamed, share, rank, self._ranks, [_Lane()] * lanes)
        self._batches: DataLoader[Any] = DataLoader(
            self._lanes,
            batch_size=None,
            collate_fn=_as_it_is,
            num_workers=workers,
            pin_memory=pin_memory,
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[Batch]:
        for batch, broken, flaws, state in self._batches:
            if isinstance(state, SensoriumError):
                raise state
            self._lanes.advance(_Lane(**state))
            self._quarantine.total = self._rows_before + self._total()
            self._quarantine.add_flaws(flaws)
            self._quarantine.add_all(broken)
            if batch is not None:
                yield batch
            elif self._ranks > 1:
                yield Batch([], {})

    def state(self) -> dict[str, Any]:
        """The place of the next batch to be given out, however many workers have prepared."""
        return {"next": self._lanes.next, "lanes": [asdict(lane) for lane in self._lanes.lanes]}

    def restore(self, state: dict[str, Any]) -> None:
        """Make the next iteration begin at a place that `state` gave.

        Raises:
            DataError: it is of other streams, or of another number of workers.
        """
        lanes = [_Lane(**lane) for lane in state.get("lanes", ())]
        streams = len(self._lanes.streamed.sources)
        if len(lanes) != len(self._lanes.lanes) or any(
            len(lane.cursors) not in (0, streams) for lane in lanes
        ):
            raise DataError(
                f"cannot resume {self._name}: the place is of another number of streams or of "
                "data.workers; resume with the same"
            )
        self._lanes.lanes, self._lanes.next = lanes, state["next"]

    def _total(self) -> int:
        """Rows that the failure budget is a share of."""
        read = sum(lane.first for lane in self._lanes.lanes) * self._ranks
        return max(read, LEAST_TOTAL) if self._rows is None else self._rows


class _Lanes(IterableDataset[Any]):
    """The lanes of one rank; in a worker process, that worker's. It knows no `StreamLoader`.

    Attributes:
        lanes: each as it is after its last batch that was given out.
        next: whose turn it is.
    """

    def __init__(
        self, streamed: Streamed, share: int, rank: int, ranks: int, lanes: list[_Lane]
    ) -> None:
        self.streamed = streamed
        self.share = share
        self.rank, self.ranks = rank, ranks
        self.lanes = lanes
        self.next = 0

    def advance(self, lane: _Lane) -> None:
        """Count a batch of the lane whose turn it was as given out."""
        self.lanes = [*self.lanes[: self.next], lane, *self.lanes[self.next + 1 :]]
        self.next = (self.next + 1) % len(self.lanes)

    def __iter__(self) -> Iterator[tuple[Batch | None, list[Broken], list[Broken], Any]]:
        """A batch, what was broken in it, what is wrong inside of its samples, and the lane after
        it or the error that ended it."""
        info = get_worker_info()
        number = (self.next + (0 if info is None else info.id)) % len(self.lanes)
        try:
            yield from self._batches(number)
        except SensoriumError as error:  # torch would wrap it in a traceback of the worker
            yield None, [], [], error

    def _batches(
        self, number: int
    ) -> Iterator[tuple[Batch | None, list[Broken], list[Broken], dict[str, Any]]]:
        streamed, lane = self.streamed, self.lanes[number]
        modalities = build_modalities(streamed.configs[0], streamed.tokenizer)
        readers = [
            RowReader(source, config, modalities, streamed.targets)
            for source, config in zip(streamed.sources, streamed.configs, strict=True)
        ]
        interleaving = Interleaving(streamed.weights)
        windows = self._windows(lane, number)
        supplies = [iter(one) for one in windows]
        draws, first, bad = lane.draws, lane.first, 0
        while True:
            samples: list[Sample] = []
            broken: list[Broken] = []
            for _ in range(self.share):
                which = interleaving.set_of(draws)
                entry = next(supplies[which])
                epoch = windows[which].cursor.epoch
                draws, first = draws + 1, first + (epoch == 0)
                made = _made(entry, readers[which], streamed, epoch)
                if isinstance(made, Broken):
                    broken.append(made)
                else:
                    samples.append(made)
            bad = bad + 1 if not samples else 0
            if bad * self.share > LEAST_TOTAL:
                raise DataError(f"{streamed.name}: no sample of it can be read")
            after = _Lane(draws, first, [asdict(one.cursor) for one in windows])
            batch = collate(samples, modalities, streamed.targets) if samples else None
            yield batch, broken, flaws_of(samples), asdict(after)

    def _windows(self, lane: _Lane, number: int) -> list[Windows]:
        streamed = self.streamed
        cursors = lane.cursors or [{} for _ in streamed.sources]
        return [
            Windows(
                source,
                seed=streamed.seed,
                lane=number * self.ranks + self.rank,
                lanes=len(self.lanes) * self.ranks,
                window_rows=rows,
                cursor=Cursor(**cursor),
            )
            for source, rows, cursor in zip(
                streamed.sources, streamed.window_rows, cursors, strict=True
            )
        ]


def _made(
    entry: Row | Broken, reader: RowReader, streamed: Streamed, epoch: int
) -> Sample | Broken:
    """The sample of a row; what chance decides in it follows from (seed, epoch, id)."""
    if isinstance(entry, Broken):
        return entry
    mark = f"{streamed.seed}:{epoch}:{entry.id}".encode("utf-8", "surrogateescape")
    draw = Random(int.from_bytes(hashlib.blake2b(mark, digest_size=8).digest(), "big"))
    try:
        found = reader.find_in(entry)
        config = streamed.configs[0]
        made = make_sample(
            entry.id, found, reader, reader.modalities, streamed.targets, config, draw
        )
        return replace(made, source=reader.called)
    except BrokenSample as error:
        return Broken(entry.id, str(error))


def _ranks() -> tuple[int, int]:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _as_it_is(item: Any) -> Any:
    return item
