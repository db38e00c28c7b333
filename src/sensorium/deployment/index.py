"""A search index in the run folder: a row for each modality of each sample, with its vector.

LanceDB keeps it as files and searches it inside this process; there is no server to run.

Shapes: K samples, E embedding width.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lancedb
import pyarrow
from torch import Tensor

from sensorium.batch import Sample
from sensorium.data import BrokenSample, Dataset, Quarantine
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.sheet import Hit
from sensorium.errors import RunError

TABLE = "samples"
SAMPLES_AT_A_TIME = 256
MEDIA = ("image", "video", "audio")
"""Whose files a found sample names, in this order where its text was found."""


class SearchIndex:
    """The `index` folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        """Embed a set and replace the index by it.

        Args:
            dataset: what to find.
            embedder: of the run.
            quarantine: gets the samples that cannot be read.
            on_progress: told (done, of how many).

        Returns:
            The number of rows, one for each modality of each sample.
        """
        schema = _schema(embedder.contrastive.width)
        mode = "overwrite" if self.exists else "create"
        table = lancedb.connect(self.folder).create_table(TABLE, schema=schema, mode=mode)
        for start in range(0, len(dataset), SAMPLES_AT_A_TIME):
            indices = range(start, min(start + SAMPLES_AT_A_TIME, len(dataset)))
            samples = _readable(dataset, indices, quarantine)
            for modality in embedder.modalities:
                having = {i: sample for i, sample in samples.items() if modality in sample.values}
                if having:
                    vectors = embedder.embed(list(having.values()), modality)
                    table.add(_rows(dataset, list(having), modality, vectors, table.schema))
            if on_progress is not None:
                on_progress(indices.stop, len(dataset))
        return table.count_rows()

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
        if not self.exists:
            raise RunError(
                f"{self.folder.parent} has no search index; make one with "
                f"`sensorium index {self.folder.parent} DATA`"
            )
        table = lancedb.connect(self.folder).open_table(TABLE)
        query = table.search(vector.numpy()).distance_type("cosine")
        rows = query.where(f"modality = '{modality}'", prefilter=True).limit(top).to_list()
        return [
            Hit(
                rank=rank,
                score=1 - row["_distance"],
                id=row["id"],
                text=row["text"],
                image=row["picture"] or _bytes_of(row["image_path"]),
                path=row["path"],
            )
            for rank, row in enumerate(rows, start=1)
        ]


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
        }
    )


def _readable(dataset: Dataset, indices: range, quarantine: Quarantine) -> dict[int, Sample]:
    samples = {}
    for index in indices:
        try:
            samples[index] = dataset.sample(index, epoch=0)
        except BrokenSample as error:
            quarantine.add(dataset.id(index), str(error))
    return samples


def _rows(
    dataset: Dataset, indices: list[int], modality: str, vectors: Tensor, schema: pyarrow.Schema
) -> pyarrow.Table:
    rows = []
    for index, vector in zip(indices, vectors.numpy(), strict=True):
        facts = dataset.describe(index)
        files = {m: str(Path(file).resolve()) for m in MEDIA if (file := facts[m]) is not None}
        beside = next(iter(files.values()), None)
        rows.append(
            {
                "id": facts["id"],
                "modality": modality,
                "text": facts["text"],
                "path": beside if modality == "text" else files.get(modality),
                "image_path": files.get("image"),
                "picture": None if "image" in files else dataset.image_bytes(index),
                "vector": vector,
            }
        )
    return pyarrow.Table.from_pylist(rows, schema=schema)


def _bytes_of(path: str | None) -> bytes | None:
    """The picture, or None where there is none or it was moved since."""
    try:
        return None if path is None else Path(path).read_bytes()
    except OSError:
        return None
