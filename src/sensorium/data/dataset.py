"""Numbered samples of one set. What chance decides follows from (seed, epoch, row) alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data.cache import Cache, Progress
from sensorium.data.cells import Medium, as_text, filled
from sensorium.data.image import read_file
from sensorium.data.modalities import Image, MediumModality, Modality, build_modalities
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.reader import Decoder, Found, Reader, Store, texts
from sensorium.data.segments import Segment
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Source
from sensorium.data.specimen import Specimen, show
from sensorium.data.targets import FRAME, Captions, Target, to_learn
from sensorium.data.text import Tokenizer
from sensorium.data.thumbnail import as_png
from sensorium.errors import DataError


class Dataset:
    """The samples of some rows of a source.

    Args:
        training: whether values are changed at random, and one of several cells drawn each time;
            otherwise the first cell that is not empty is taken, and stays as decoded.
        seed: not negative.
        rows: which rows of the source; all of them by default.
        targets: every target of the run, by name.
    """

    def __init__(
        self,
        source: Source,
        config: DataConfig,
        tokenizer: Tokenizer,
        *,
        training: bool,
        seed: int,
        rows: Sequence[int] | None = None,
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        self.source = source
        self.name = source.name
        self.config = config
        self.tokenizer = tokenizer
        self.training = training
        self.seed = seed
        self._rows: Sequence[int] = range(len(source)) if rows is None else rows
        self.modalities = build_modalities(config, tokenizer)
        known = {} if targets is None else targets
        self.targets: Mapping[str, Target] = to_learn(known) if training else known
        self._reader = Reader(source, config, self.modalities, self.targets)
        self._captions = Captions(tokenizer)
        if not training:
            self.targets = {**self.targets, "captions": self._captions}
        self._store: Store = self._reader
        self._in_segments = "video" in source.fields and config.video.sampling == "random_segment"
        self._indices: dict[str, int] = {}
        self._group_numbers: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def prepare(self, progress: Progress | None = None) -> list[Broken]:
        """Decode everything into memory, if it fits; broken rows then leave the set.

        Videos of which a stretch is drawn each time are not decoded up front.

        Returns:
            The rows found to be broken; none where the set is not decoded up front.
        """
        if self._in_segments:
            return []
        allowed = self.config.cache_megabytes * 1_000_000
        kept = Cache.fill(self._reader, self._rows, allowed, progress) if allowed else None
        if kept is None:
            return []
        self._store = cache = kept[0]
        self._rows = [row for row in self._rows if row in cache]
        self._indices.clear()
        return kept[1]

    def sample(self, index: int, epoch: int) -> Sample:
        """Sample `index` as it is in `epoch`; outside training all epochs are alike.

        Raises:
            BrokenSample: the row cannot be used; its text is the reason.
        """
        row = self._rows[index]
        draw = Random(self.seed << 96 | epoch << 48 | row) if self.training else None
        found = self._store.find(row)
        made = make_sample(
            self.id(index), found, self._store, self.modalities, self.targets, self.config, draw
        )
        targets = made.targets if self.training else made.targets | self._all_texts(found)
        return replace(made, source=self.source.called, targets=targets)

    def _all_texts(self, found: Found) -> dict[str, Tensor]:
        """Every text of a row that is judged, as the target `captions`."""
        texts = [self._store.decode("text", one) for one in found.candidates.get("text", ())]
        return {"captions": self._captions.read(texts) if texts else self._captions.absent}

    def order(self, seed: int, epoch: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """The samples of an epoch in a drawn order: the index of each, and its epoch, int64.

        Args:
            draws: how many of them will be used.
        """
        draw = np.random.default_rng([seed, epoch])
        order = draw.permutation(len(self))
        if self.source.group_by is not None:
            groups = self._groups()
            turn = draw.permutation(int(groups.max()) + 1)
            order = order[np.argsort(turn[groups[order]], kind="stable")]
        return order, np.full(len(self), epoch)

    def _groups(self) -> np.ndarray:
        """The number of the group that each sample is of, from 0, int64."""
        if self._group_numbers is None or len(self._group_numbers) != len(self):
            seen: dict[str, int] = {}
            numbers = [seen.setdefault(self.source.group(row), len(seen)) for row in self._rows]
            self._group_numbers = np.array(numbers, dtype=np.int64)
        return self._group_numbers

    def faulty_boxes(self) -> list[Broken]:
        """The boxes of its rows that are left out or cut, each once, with its reason.

        Which lie outside of their pictures is found here where `prepare` has decoded these; of
        others it is said by the samples (`Sample.flaws`).
        """
        faulty: dict[Broken, None] = {}
        for row in self._rows if {"boxes", "box"} & self.source.targets.keys() else ():
            with suppress(BrokenSample):  # named where the row is decoded
                reasons: list[str] = []
                targets = self._reader.targets_in(self.source.row(row), reasons)
                pictures = self._store.find(row).candidates.get("image") if self.in_memory else ()
                if pictures:
                    size = self._store.picture_size(pictures[0])
                    reasons += _outside(targets, self.targets, size)
                faulty |= dict.fromkeys(Broken(self.source.id(row), why) for why in reasons)
        return list(faulty)

    def as_evaluated(self) -> Dataset:
        """The same samples, of which nothing is left to chance."""
        still = copy(self)
        still.training = False
        return still

    @property
    def parts(self) -> list[Dataset]:
        """The sets that this one is made of: itself."""
        return [self]

    @property
    def in_memory(self) -> bool:
        """Whether `prepare` has decoded all of it."""
        return self._store is not self._reader

    @property
    def varies(self) -> bool:
        """Whether samples differ so much in size that batches are better made of alike ones."""
        return any(self.modalities[modality].varies for modality in self.source.fields)

    def size(self, index: int) -> tuple[int, ...]:
        """How many numbers the values of a sample hold that vary in size, then their shapes.

        Samples that are near to each other in this order pad little. It is found without decoding;
        a broken sample is the smallest.
        """
        try:
            found = self._store.find(self._rows[index])
            shapes = [
                self._store.shape(modality, candidates[0])
                for modality, candidates in found.candidates.items()
                if self.modalities[modality].varies
            ]
        except BrokenSample:
            return ()
        return (sum(math.prod(shape) for shape in shapes), *(n for shape in shapes for n in shape))

    def id(self, index: int) -> str:
        """Where the sample comes from, as in `train.jsonl:17`."""
        return self.source.id(self._rows[index])

    def texts(self, rows: int) -> Iterator[str]:
        """Every text of the first so many rows, of all columns that hold text."""
        return texts(self.source, self._rows[:rows])

    def index_of(self, id: str) -> int:
        """The index of the sample with this id.

        Raises:
            DataError: the set has no such sample.
        """
        if not self._indices:
            self._indices = {self.id(index): index for index in range(len(self))}
        if id not in self._indices:
            raise DataError(
                f"{self.source.name} has no sample {id!r}; one that it has is {self.id(0)!r}"
            )
        return self._indices[id]

    def describe(self, index: int) -> dict[str, str | None]:
        """What a table shows of a sample: its `id`, its `text`, and for `image`, `audio` and
        `video` the path of the file; None where it has none, or none of its own.

        Raises:
            BrokenSample: the row is broken; no sample that a loader gave is.
        """
        text = self._first("text", index)
        facts = {"id": self.id(index), "text": None if text is None else as_text(text)}
        for name, modality in self.modalities.items():
            if isinstance(modality, MediumModality):
                medium = self._medium(name, modality, index)
                path = medium.source if medium and isinstance(medium.source, Path) else None
                facts[name] = None if path is None else str(path)
        return facts

    def contents(self, index: int) -> dict[str, str | bytes]:
        """A sample as it lies there, nothing decoded: modality -> words, or the bytes of its file.
        What is a part of a file is left out.

        Raises:
            BrokenSample: a file cannot be read.
        """
        found: dict[str, str | bytes] = {}
        for name, modality in self.modalities.items():
            if not isinstance(modality, MediumModality):
                words = self._first(name, index)
                found |= {} if words is None else {name: as_text(words)}
                continue
            medium = self._medium(name, modality, index)
            if medium is not None and medium.start_seconds is medium.end_seconds is None:
                content = medium.content
                found[name] = read_file(content) if isinstance(content, Path) else content
        return found

    def image_bytes(self, index: int) -> bytes | None:
        """The sample's picture file as it is; None where it has none.

        Raises:
            BrokenSample: the file cannot be read.
        """
        image = self.modalities["image"]
        assert isinstance(image, MediumModality)
        picture = self._medium("image", image, index)
        if picture is None:
            return None
        content = picture.content
        return read_file(content) if isinstance(content, Path) else content

    def frame_bytes(self, index: int) -> bytes | None:
        """A frame from the middle of the sample's video, as PNG; None where it has none.

        Raises:
            BrokenSample: the file cannot be read.
        """
        video = self.modalities["video"]
        assert isinstance(video, MediumModality)
        medium = self._medium("video", video, index)
        if medium is None:
            return None
        frames = video.decode_medium(medium)  # [F, 3, H, W]
        return as_png(frames[len(frames) // 2])

    def specimen(self, index: int) -> Specimen:
        """The sample as a page shows it; what cannot be decoded is left out."""
        return show(self.source, self._rows[index], self.name)

    def _medium(self, name: str, modality: MediumModality, index: int) -> Medium | None:
        cell = self._first(name, index)
        return None if cell is None else modality.read(cell, self.source.folder)

    def _first(self, modality: str, index: int) -> Any:
        values = self.source.row(self._rows[index]).values
        columns = self.source.fields.get(modality, [])
        return next((cell for column in columns for cell in filled(values.get(column))), None)


def make_sample(
    id: str,
    found: Found,
    store: Decoder,
    modalities: Mapping[str, Modality],
    targets: Mapping[str, Target],
    config: DataConfig,
    draw: Random | None,
) -> Sample:
    """Decode one candidate of each modality of a row, and finish it.

    Args:
        found: the candidates of each modality, and the targets.
        store: gives the values of candidates.
        targets: every target of the run; those that are places follow the picture.
        draw: the source of chance in training; None takes the first candidates as they are.

    Raises:
        BrokenSample: the row cannot be used.
    """
    values, placed, flaws = {}, found.targets, [*found.flaws]
    drawn = "video" in found.candidates and config.video.sampling == "random_segment"
    segment = Segment(found.candidates, config.video, draw) if drawn else None
    for modality, candidates in found.candidates.items():
        which = int(draw.random() * len(candidates)) if draw and len(candidates) > 1 else 0
        candidate = candidates[which]
        if segment is not None:
            candidate = segment.of(modality, candidate)
        value, way = store.decode(modality, candidate), modalities[modality]
        if isinstance(way, Image) and FRAME in targets:
            size = store.picture_size(candidate)
            values[modality], view = way.finish_in_view(value, size, draw)
            placed = {n: targets[n].seen_in(of, view) for n, of in found.targets.items()}
            flaws += _outside(found.targets, targets, size)
        else:
            values[modality] = way.finish(value, draw)
    return Sample(id, values, placed, flaws=flaws)


def _outside(
    values: Mapping[str, Tensor], targets: Mapping[str, Target], size: tuple[int, int]
) -> list[str]:
    """What of a row's targets lies outside of its picture file of that height and width."""
    return [why for name, value in values.items() for why in targets[name].outside(value, *size)]
