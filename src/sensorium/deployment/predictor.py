"""A trained model answers: rows of files and words in, plain values out.

    row {modality: file or words} -> decoded, as evaluation sees it -> one pass -> {task: values}

Any subset of the modalities that the model knows is a row. A row that cannot be read, or of which
the tasks have nothing to say, gets its reason as `error`, and spoils none beside it.

A predictor can be used from several threads at once: a call changes nothing that another sees.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Modality, collate
from sensorium.data.box_targets import FrameOfPicture
from sensorium.data.cells import filled
from sensorium.data.files import Location
from sensorium.data.modalities import Image as ImageModality
from sensorium.data.targets import FRAME
from sensorium.deployment.explain.explainer import Explainer, Explanation
from sensorium.errors import DataError
from sensorium.tasks import Mixture

Row = Mapping[str, Any]
"""Modality -> the path of a file, its bytes, a picture in memory, or words."""

Answer = dict[str, Any]
"""`id`, where the row has one; then what each task says, or `error`."""

ROWS_AT_A_TIME = 64
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")  # what the format holds as it is


class Predictor:
    """Answers for rows, by all tasks of a trained model that can be asked.

    Args:
        mixture: the model with its tasks.
        inputs: modality -> how its cells are read, as evaluation sees them.
        rows_at_a_time: how many go through the model together.

    Attributes:
        modalities: what a row may hold.
        frames: whether its answers say places, for which a sample has to say what its picture shows
            of the file.
        inputs: as given.
    """

    def __init__(
        self,
        mixture: Mixture,
        inputs: Mapping[str, Modality],
        *,
        rows_at_a_time: int = ROWS_AT_A_TIME,
    ) -> None:
        self.mixture = mixture.eval()
        self.modalities = tuple(mixture.model.widths)
        self.frames = any(task.reads_places for task in mixture.tasks.values())
        self._targets = {FRAME: FrameOfPicture()} if self.frames else {}
        self.inputs = inputs
        self._rows_at_a_time = rows_at_a_time
        self._device = next(mixture.parameters()).device
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count())

    def predict(self, rows: Iterable[Row] | None = None, /, **row: Any) -> Any:
        """What the tasks say of one row, or of each of several.

            predict(image="a.jpg", text="a red heart")             one row, one answer
            predict(image="a.jpg", text=["a heart", "a star"])     two rows, a list of answers
            predict([{"image": "a.jpg"}, {"text": "a star"}])      the same

        Args:
            rows: several rows; a key `id` goes into the answer.
            row: of one row what it holds; or lists of one length, beside which a single value
                stands for all.

        Returns:
            Task -> plain values by name, as in `{"classification": {"label": "cat", ...}}`; of
            several rows a list, in which one that cannot be answered is `{"error": reason}`.

        Raises:
            DataError: for a single row, why it cannot be answered; or there is none.
        """
        if rows is not None:
            if row:
                raise DataError("expected rows, or what one row holds by its name, got both")
            return list(self.answers(self.entry(one, one.get("id")) for one in rows))
        several = _rows_of(row)
        if several is not None:
            return list(self.answers(self.entry(one) for one in several))
        (answer,) = self.answers([self.entry(row)])
        if "error" in answer:
            raise DataError(f"cannot answer this: {answer['error']}")
        return answer

    def explain(self, **row: Any) -> dict[str, Explanation]:
        """What the tasks' answers about one row rest on.

            explain(image="a.jpg", text="which colour is it")

        Returns:
            Task (`task/pair` where it knows several pairs) -> `said`, `score`, `unit` and
            `score_without`; `modalities`, with the relevance of the patches, words and frames of
            each; `shares` of the modalities, and `withheld`. See `Explainer.explain`.

        Raises:
            DataError: why the row cannot be read, or that there is nothing to explain of it.
        """
        try:
            sample = self.read(row, Path())
        except BrokenSample as error:
            raise DataError(f"cannot explain this: {error}") from error
        explained = self.explainer.explain(sample)
        if not explained:
            raise DataError(f"cannot explain this: {self._nothing_to_say(sample)}")
        return explained

    @cached_property
    def explainer(self) -> Explainer:
        """Explains what is said of samples."""
        return Explainer(self.mixture, self.inputs, self._targets)

    def entry(
        self, row: Row, id: str | None = None, folder: Location = Path()
    ) -> tuple[str | None, Callable[[], Sample]]:
        """A row for `answers`.

        Args:
            row: what it holds.
            id: its name.
            folder: what relative paths start from.
        """
        return id, partial(self.read, row, folder)

    def answers(
        self, entries: Iterable[tuple[str | None, Callable[[], Sample]]]
    ) -> Iterator[Answer]:
        """The answer to each entry, in their order, some read and computed at a time.

        Args:
            entries: the id of each, if it has one, and what reads it or raises `BrokenSample`.
        """
        entries = iter(entries)
        while some := list(islice(entries, self._rows_at_a_time)):
            found = [*self._threads.map(_sample_or_reason, [read for _, read in some])]
            samples = [sample for sample in found if isinstance(sample, Sample)]
            told = iter(self.tell(samples))
            for (id, _), sample in zip(some, found, strict=True):
                answer = next(told) if isinstance(sample, Sample) else {"error": sample}
                yield answer if id is None else {"id": id, **answer}

    @torch.inference_mode()
    def tell(self, samples: Sequence[Sample]) -> list[Answer]:
        """What the tasks say of samples, in one pass; one of which they have nothing to say gets
        the reason as `error`."""
        if not samples:
            return []
        batch = collate(samples, self.inputs, self._targets).to(self._device)
        told: list[Answer] = list(self.mixture.tell(batch))
        return [
            one or {"error": self._nothing_to_say(sample)}
            for one, sample in zip(told, samples, strict=True)
        ]

    def _nothing_to_say(self, sample: Sample) -> str:
        tasks, given = ", ".join(self.mixture.tasks), " and ".join(sample.values) or "nothing"
        return (
            f"the tasks of this model ({tasks}) say nothing of {given} alone; "
            f"it knows {', '.join(self.modalities)}"
        )

    def read(self, row: Row, folder: Location = Path()) -> Sample:
        """A row decoded, as evaluation sees it.

        Args:
            row: what it holds.
            folder: what relative paths start from.

        Raises:
            BrokenSample: it cannot be read; its text is the reason.
        """
        unknown = [name for name in row if name != "id" and name not in self.modalities]
        if unknown:
            raise BrokenSample(
                f"this model knows {', '.join(self.modalities)}, not {', '.join(unknown)}"
            )
        values, targets = {}, {name: target.absent for name, target in self._targets.items()}
        for name in self.modalities:
            modality, cell = self.inputs[name], next(filled(_as_cell(row.get(name))), None)
            if cell is None:
                continue
            candidate = modality.read(cell, folder)
            value = modality.decode(candidate)
            if self.frames and isinstance(modality, ImageModality):
                size = modality.size(candidate)
                values[name], view = modality.finish_in_view(value, size, None)
                targets[FRAME] = self._targets[FRAME].seen_in(targets[FRAME], view)
            else:
                values[name] = modality.finish(value, None)
        return Sample(str(row.get("id", "")), values, targets)


def _sample_or_reason(read: Callable[[], Sample]) -> Sample | str:
    try:
        return read()
    except BrokenSample as error:
        return str(error)


def _rows_of(row: Row) -> list[Row] | None:
    """The rows that lists of values mean; None where there is no list.

    Raises:
        DataError: nothing was given, or lists of different lengths.
    """
    if not row:
        raise DataError("nothing to answer: expected rows, or what one row holds, as image=...")
    lengths = {name: len(value) for name, value in row.items() if isinstance(value, list | tuple)}
    if not lengths:
        return None
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise DataError(f"expected lists of one length, got {said}")
    return [
        {name: value[number] if name in lengths else value for name, value in row.items()}
        for number in range(next(iter(lengths.values())))
    ]


def _as_cell(value: Any) -> Any:
    """A value that a program has in memory, as a table would hold it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        value = Image.fromarray(value)
    if isinstance(value, Image.Image):
        content = io.BytesIO()
        (value if value.mode in PNG_MODES else value.convert("RGB")).save(content, "PNG")
        return content.getvalue()
    return value
