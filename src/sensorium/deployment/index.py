"""A search index in the run folder: a row for each modality of each sample, with its vector.

LanceDB keeps it as files and searches it inside this process; there is no server to run.

Each row remembers what it was made of (words, files with size and time, weights), so that building
again embeds what is new or changed, drops what is gone, and goes on where it was killed: the rows
of some samples are written at once or not at all. A search of few rows looks at all of them; many
get an index of their neighbourhoods, which finds nearly all of what an exact search finds.

Shapes: K samples, E embedding width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow
from lancedb.index import Bitmap, HnswSq
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Dataset, Quarantine
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.sheet import Hit
from sensorium.errors import RunError

TABLE = "samples"
SAMPLES_AT_A_TIME = 256
MANY_ROWS = 20_000
"""From so many on a search does not look at all of them; below, an exact one takes milliseconds."""
ROWS_OF_A_CELL = 1000
"""Rows that are near each other, about, of which a search looks at `CELLS_LOOKED_AT` such."""
CELLS_LOOKED_AT = 20
REFINED = 5
"""Times as many rows as asked are found by rounded vectors, and sorted by whole ones."""
COLUMNS = ["id", "modality", "text", "path", "image_path", "picture"]
"""Of a row, all but its vector."""

MEDIA = ("image", "video", "audio")
"""Whose files a found sample names, in this order where its text was found."""


class SearchIndex:
    """The `index` folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: Any = None

    @property
    def exists(self) -> bool:
        return (self.folder / f"{TABLE}.lance").exists()

    def build(
        self,
        dataset: Dataset,
        embedder: Embedder,
        quarantine: Quarantine,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Make the index that of a set: what it holds already, unchanged, is not embedded again.

        Args:
            dataset: what to find.
            embedder: of the run.
            quarantine: gets the samples that cannot be read.
            on_progress: told (done, of how many).

        Returns:
            The number of rows, one for each modality of each sample.
        """
        table = self._open(embedder.contrastive.width)
        model, known, seen = _fingerprint(embedder), _known(table), set[str]()
        for start in range(0, len(dataset), SAMPLES_AT_A_TIME):
            indices = range(start, min(start + SAMPLES_AT_A_TIME, len(dataset)))
            ids = {index: dataset.id(index) for index in indices}
            prints = {index: _made_of(model, dataset, index) for index in indices}
            same = [i for i in indices if prints[i] and known.get(ids[i]) == prints[i]]
            changed = [index for index in indices if index not in same]
            samples = _readable(dataset, changed, quarantine)
            _forget(table, [ids[index] for index in changed if ids[index] in known])
            if rows := _rows_of_all(dataset, samples, embedder, prints):
                table.add(pyarrow.Table.from_pylist(rows, schema=table.schema))
            seen |= {ids[index] for index in (*same, *samples)}
            if on_progress is not None:
                on_progress(indices.stop, len(dataset))
        _forget(table, [id for id in known if id not in seen])
        self.settle()
        return table.count_rows()

    def create(self, width: int) -> Any:
        """An empty table, for embeddings of this width, in the place of what was there."""
        mode = "overwrite" if self.exists else "create"
        self._kept = None
        return lancedb.connect(self.folder).create_table(TABLE, schema=_schema(width), mode=mode)

    def settle(self) -> None:
        """Make ready for searches what was added: many rows get an index of neighbourhoods."""
        table = self._table()
        rows = table.count_rows()
        if rows >= MANY_ROWS:
            cells = max(1, rows // ROWS_OF_A_CELL)
            near = HnswSq(distance_type="cosine", num_partitions=cells)
            table.create_index("vector", config=near, replace=True)
            table.create_index("modality", config=Bitmap(), replace=True)
        table.optimize()

    def _table(self) -> Any:
        """The table as it is now. It stays open, with what was read of it, so that a further search
        does not read the index anew.

        Raises:
            RunError: where nothing was indexed yet.
        """
        if not self.exists:
            raise RunError(
                f"{self.folder.parent} has no search index; make one with "
                f"`sensorium index {self.folder.parent} DATA`"
            )
        if self._kept is None:
            always = timedelta(0)
            database = lancedb.connect(self.folder, read_consistency_interval=always)
            self._kept = database.open_table(TABLE)
        return self._kept

    def _open(self, width: int) -> Any:
        """The table as it is, if its rows are of this form, else an empty one."""
        if self.exists:
            table = self._table()
            if table.schema == _schema(width):
                return table
        return self.create(width)

    def search(self, vector: Tensor, modality: str, top: int) -> list[Hit]:
        """The rows of a modality nearest to a vector.

        Args:
            vector: [E], of unit length.
            modality: of what is looked for.
            top: how many.

        Returns:
            Best first; the score is the cosine similarity, -1 to 1.

        Raises:
            RunError: where nothing was indexed yet.
        """
        return [
            Hit(
                rank=rank,
                score=row["score"],
                id=row["id"],
                text=row["text"],
                image=picture_of(row),
                path=row["path"],
            )
            for rank, row in enumerate(self.nearest(vector, modality, top), start=1)
        ]

    def nearest(self, vector: Tensor, modality: str, top: int) -> list[dict[str, Any]]:
        """The same as rows of the index, with their `score`; no file of theirs is opened."""
        query = self._table().search(vector.numpy()).distance_type("cosine")
        query = query.nprobes(CELLS_LOOKED_AT).refine_factor(REFINED)  # of many rows
        query = query.select([*COLUMNS, "_distance"])
        rows = query.where(f"modality = '{modality}'", prefilter=True).limit(top).to_list()
        return [row | {"score": 1 - row["_distance"]} for row in rows]

    def row(self, id: str, modality: str) -> dict[str, Any] | None:
        """The row of a sample's modality; None where there is none.

        Raises:
            RunError: where nothing was indexed yet.
        """
        said = " and ".join(
            f"{column} = {_quoted(value)}" for column, value in (("id", id), ("modality", modality))
        )
        found = self._table().search().where(said).select(COLUMNS).limit(1).to_list()
        return found[0] if found else None


def picture_of(row: Mapping[str, Any]) -> bytes | None:
    """The picture file of a row; None where there is none, or it was moved since."""
    if row["picture"] is not None or row["image_path"] is None:
        return row["picture"]
    try:
        return Path(row["image_path"]).read_bytes()
    except OSError:
        return None


def _quoted(value: str) -> str:
    """A string as the index's queries write it, whatever is in it."""
    return "'" + value.replace("'", "''") + "'"


def _schema(width: int) -> pyarrow.Schema:
    return pyarrow.schema(
        {
            "id": pyarrow.string(),
            "modality": pyarrow.string(),
            "text": pyarrow.string(),
            "path": pyarrow.string(),  # the file that was embedded; of a text, one beside it
            "image_path": pyarrow.string(),
            "picture": pyarrow.binary(),  # the file itself, where it lies inside a table
            "vector": pyarrow.list_(pyarrow.float32(), width),
            "made_of": pyarrow.string(),  # what it was embedded from, and by what
        }
    )


def _readable(
    dataset: Dataset, indices: Sequence[int], quarantine: Quarantine
) -> dict[int, Sample]:
    samples = {}
    for index in indices:
        try:
            samples[index] = dataset.sample(index, epoch=0)
        except BrokenSample as error:
            quarantine.add(dataset.id(index), str(error))
    return samples


def _rows_of_all(
    dataset: Dataset,
    samples: Mapping[int, Sample],
    embedder: Embedder,
    prints: Mapping[int, str],
) -> list[dict[str, Any]]:
    """A row for each modality of each sample."""
    rows = []
    for modality in embedder.modalities:
        having = {i: sample for i, sample in samples.items() if modality in sample.values}
        if having:
            vectors = embedder.embed(list(having.values()), modality)
            for index, vector in zip(having, vectors.numpy(), strict=True):
                row = _row(dataset, index, modality)
                rows.append(row | {"vector": vector, "made_of": prints[index]})
    return rows


def _row(dataset: Dataset, index: int, modality: str) -> dict[str, Any]:
    facts = dataset.describe(index)
    files = {m: str(Path(file).resolve()) for m in MEDIA if (file := facts[m]) is not None}
    beside = next(iter(files.values()), None)
    return {
        "id": facts["id"],
        "modality": modality,
        "text": facts["text"],
        "path": beside if modality == "text" else files.get(modality),
        "image_path": files.get("image"),
        "picture": None if "image" in files else dataset.image_bytes(index),
    }


def _fingerprint(embedder: Embedder) -> str:
    """Of the weights that embed."""
    digest = hashlib.sha256()
    for part in (embedder.mixture.model, embedder.contrastive):
        for weight in part.parameters():
            digest.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _made_of(model: str, dataset: Dataset, index: int) -> str:
    """A hash of what the rows of a sample come from; a file counts by its size and time. Empty
    where the row is broken."""
    try:
        facts = dataset.describe(index)
        files = [file for medium in MEDIA if (file := facts[medium]) is not None]
        inside = b"" if files else dataset.image_bytes(index) or b""
    except BrokenSample:
        return ""
    parts = [model, str(facts["text"]), *(f"{file} {_changed(file)}" for file in files)]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass"))
    digest.update(inside)
    return digest.hexdigest()


def _changed(file: str) -> str:
    try:
        found = Path(file).stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def _known(table: Any) -> dict[str, str]:
    """Id -> what its rows were made of."""
    rows = table.count_rows()
    if not rows:
        return {}
    found = table.search().select(["id", "made_of"]).limit(rows).to_arrow()
    return dict(zip(found["id"].to_pylist(), found["made_of"].to_pylist(), strict=True))


def _forget(table: Any, ids: Sequence[str]) -> None:
    """Drop the rows of some samples."""
    for start in range(0, len(ids), SAMPLES_AT_A_TIME):
        some = ids[start : start + SAMPLES_AT_A_TIME]
        quoted = ", ".join(_quoted(id) for id in some)
        table.delete(f"id IN ({quoted})")
