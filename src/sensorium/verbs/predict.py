"""Ask a run's model: about one row, about any data, or about rows as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Quarantine, open_dataset
from sensorium.data.cells import filled
from sensorium.data.image import read_file
from sensorium.data.lines import json_row
from sensorium.deployment.drawn import write_drawn
from sensorium.deployment.explain.page import Explained, write_explanations
from sensorium.deployment.predictor import Answer, Predictor
from sensorium.deployment.trained import Trained
from sensorium.errors import DataError
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.load import open_trained

Lines = Iterable[str]
"""JSON objects, one on each line."""

EXPLAINED = 24
"""Answers whose grounds are shown."""

PictureOf = Callable[[int], bytes | None]
"""Number of an answer -> the picture file that it is about."""

Entry = tuple[str | None, Callable[[], Sample]]


def predict(
    run: str | Path,
    data: str | Path | Lines | None = None,
    *,
    image: str | Path | None = None,
    text: str | None = None,
    audio: str | Path | None = None,
    video: str | Path | None = None,
    out: str | Path | None = None,
    explain: str | Path | None = None,
    html: str | Path | None = None,
    device: str = "auto",
    precision: str = "float32",
    listeners: Listeners | None = None,
) -> list[Answer]:
    """What the tasks of a model say of one row, of every sample of some data, or of lines of JSON.

    Args:
        run: the folder of a run, or of a bundle.
        data: anything that the library reads, or JSON lines, whose keys are modalities or the
            run's columns; else give one row by the next four.
        image, text, audio, video: what the row holds.
        out: write the answers there, too, as .jsonl or .parquet.
        explain: write a page there of what the first answers rest on.
        html: write a page there on which answers that are places are drawn on their pictures.
        device: where to compute.
        precision: as `load` takes it.
        listeners: who is told of progress.

    Returns:
        An answer for every sample, in their order: its `id` in the data, and then for each task
        plain values by name, or an `error` with the reason why there is none.

    Raises:
        SensoriumError: no such run or data, not exactly one thing to answer, or a single row that
            cannot be answered.
    """
    given = {"image": image, "text": text, "audio": audio, "video": video}
    row = {modality: value for modality, value in given.items() if value is not None}
    if (data is None) == (not row):
        raise DataError(
            "expected one thing to answer: data, or one row by some of --image, --text, --audio, "
            "--video"
        )
    if out is not None and Path(out).suffix not in WRITERS:
        raise DataError(f"{out}: expected a name that ends in {' or '.join(WRITERS)}")
    trained = open_trained(run, device=device, precision=precision)
    predictor = trained.predictor()
    listeners, first = listeners or Listeners(), _First(0 if explain is None else EXPLAINED)
    if html is not None and not predictor.frames:
        raise DataError(
            f"{run} has no task that says places (detection, grounding), which --html draws"
        )
    picture_of: PictureOf = partial(_only_picture, image)
    if data is None:
        answers = [predictor.predict(**row)]
        first.entries.append(predictor.entry(row))
    elif isinstance(data, str | Path):
        answers, picture_of = _of_data(trained, predictor, data, first, listeners)
    else:
        if html is not None:
            raise DataError("--html draws on the pictures of data or of --image, not of lines")
        columns = trained.data.fields or {}
        answers = list(predictor.answers(first.of(_of_lines(predictor, data, columns))))
    if out is not None:
        _write(Path(out), answers)
    if explain is not None:
        _explain(Path(explain), predictor, first, answers, listeners)
    if html is not None:
        boxes = trained.learned.get("boxes")
        classes = [] if boxes is None else boxes.names
        _draw(Path(html), f"{trained.name}: what is where", answers, picture_of, classes)
    return answers


@dataclass
class _First:
    """Remembers the first entries that come by, up to so many."""

    most: int
    entries: list[Entry] = field(default_factory=list)

    def of(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries."""
        for entry in entries:
            if len(self.entries) < self.most:
                self.entries.append(entry)
            yield entry


def _explain(
    path: Path, predictor: Predictor, first: _First, answers: list[Answer], listeners: Listeners
) -> None:
    """Write what the first answers rest on."""
    explained = []
    for number, ((id, read), answer) in enumerate(zip(first.entries, answers, strict=False)):
        listeners.on_work("explaining", number, len(first.entries))
        if "error" not in answer:
            sample = read()
            rests_on = predictor.explainer.explain(sample)
            explained.append(Explained(id or "", sample, answer, rests_on))
    listeners.on_work("explaining", len(first.entries), len(first.entries))
    with _writing(path):
        write_explanations(path, explained, of=len(answers))


def _draw(
    path: Path,
    title: str,
    answers: list[Answer],
    picture_of: PictureOf,
    classes: Sequence[str],
) -> None:
    """Write the places that the answers tell."""
    with _writing(path):
        write_drawn(path, title, answers, picture_of, classes)


def _only_picture(image: str | Path | None, number: int) -> bytes | None:
    return None if image is None else read_file(Path(image))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make the folder of a page; what goes wrong with files is a user's matter."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _of_data(
    trained: Trained,
    predictor: Predictor,
    data: str | Path,
    first: _First,
    listeners: Listeners,
) -> tuple[list[Answer], PictureOf]:
    """Answers for every row of a set, those that no reader can read at the end; and the pictures
    that they are about."""
    # A row may lack anything, and is read only once.
    settings = {"required": [], "cache_megabytes": 0}
    config = trained.data.model_copy(update=settings)
    quarantine = Quarantine(None, 0, budget=1.0)
    dataset = open_dataset(data, config, trained.tokenizer, quarantine, frames=predictor.frames)
    for note in dataset.source.notes:
        listeners.on_note(note)
    entries = ((dataset.id(row), partial(dataset.sample, row, 0)) for row in range(len(dataset)))
    answers = []
    for answer in predictor.answers(first.of(entries)):
        answers.append(answer)
        listeners.on_work("predicting", len(answers), len(dataset))
    broken = [{"id": one.id, "error": one.reason} for one in dataset.source.broken]
    return answers + broken, dataset.image_bytes


def _of_lines(
    predictor: Predictor, lines: Lines, columns: Mapping[str, str | list[str]]
) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        id = f"line {number}"
        try:
            cells = json_row(line.encode("utf-8", "surrogateescape"))
        except BrokenSample as error:
            yield id, partial(_refuse, str(error))
            continue
        row = {
            modality: cell
            for modality in predictor.modalities
            if (cell := _cell(cells, modality, columns.get(modality, []))) is not None
        }
        yield predictor.entry(row, str(cells.get("id", id)))


def _cell(cells: Mapping[str, Any], modality: str, columns: str | list[str]) -> Any:
    """What a line holds of a modality, under one of the run's columns or its own name."""
    names = [columns] if isinstance(columns, str) else columns
    return next((cell for name in [*names, modality] for cell in filled(cells.get(name))), None)


def _refuse(reason: str) -> Sample:
    raise BrokenSample(reason)


def _write(path: Path, answers: list[Answer]) -> None:
    """Written aside and renamed, so that a reader never sees half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ".partial")
        WRITERS[path.suffix](aside, answers)
        os.replace(aside, path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _write_lines(path: Path, answers: list[Answer]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)


def _write_parquet(path: Path, answers: list[Answer]) -> None:
    names = dict.fromkeys(name for answer in answers for name in answer)
    columns = {name: [_in_columns(answer.get(name)) for answer in answers] for name in names}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _in_columns(said: Any) -> Any:
    """What a task says, as a table holds it: names that differ from row to row become cells."""
    if not (isinstance(said, dict) and "probabilities" in said):
        return said
    listed = [{"name": name, "probability": p} for name, p in said["probabilities"].items()]
    return said | {"probabilities": listed}


WRITERS: Mapping[str, Callable[[Path, list[Answer]], None]] = {
    ".jsonl": _write_lines,
    ".parquet": _write_parquet,
}
