"""Sets before the first step: what fits in memory is decoded, and what is wrong is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sensorium.data.dataset import Dataset
from sensorium.data.mixing import Mixed
from sensorium.data.quarantine import Broken
from sensorium.data.text import Tokenizer
from sensorium.errors import DataError

ROWS_LOOKED_AT = 20_000
"""Of a set that is not decoded up front, how many rows' texts are looked through for long ones."""

SplitProgress = Callable[[str, int, int], None]
"""Called with the split, its rows done and its rows in all, while a set is decoded up front."""


def prepare(
    datasets: dict[str, Dataset | Mixed], tokenizer: Tokenizer, progress: SplitProgress | None
) -> tuple[list[tuple[Dataset, list[Broken]]], list[str]]:
    """Decode what fits in memory; return each set with its broken rows, and in words how many texts
    are cut."""
    broken: list[tuple[Dataset, list[Broken]]] = []
    notes: list[str] = []
    for split, dataset in datasets.items():
        for part in dataset.parts:
            before, which = tokenizer.cut, "texts"
            found = part.prepare(partial(progress, split) if progress else None)
            broken.append((part, found))
            if not part.in_memory:
                before = tokenizer.cut
                for text in part.texts(ROWS_LOOKED_AT):
                    tokenizer.encode(text)
                if len(part) > ROWS_LOOKED_AT:
                    which = f"texts of the first {ROWS_LOOKED_AT:,} rows"
            if cut := tokenizer.cut - before:
                name = split if part is dataset else f"{split}, {part.name}"
                notes.append(
                    f"{name}: {cut:,} {which} are longer than "
                    f"data.text.context_tokens={tokenizer.context_tokens} and are cut"
                )
    return broken, notes


def require_samples(dataset: Dataset, broken: Sequence[Broken]) -> None:
    """Raises `DataError` where all rows were found to be broken."""
    if not len(dataset):
        raise DataError(
            f"{dataset.name}: none of its {len(broken):,} rows can be used; the first: "
            f"{broken[0].id}: {broken[0].reason}"
        )
