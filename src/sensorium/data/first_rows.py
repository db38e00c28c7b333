"""The rows that words and targets are learned from: those to train on, of a stream the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sensorium.data.learned import RowsOfSet
from sensorium.data.quarantine import BrokenSample
from sensorium.data.reader import texts, texts_of
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source
from sensorium.data.streams import StreamSource
from sensorium.data.text import Tokenizer
from sensorium.errors import DataError

FIRST_ROWS = 50_000
"""Of a stream so many rows are read for the tokenizer and the targets, the first."""


def tokenizer_of(
    config: DataConfig, sources: Sequence[Source | StreamSource], rows: Sequence[int]
) -> Tokenizer:
    """The recipe's tokenizer, else one trained on the texts of some rows.

    Raises:
        DataError: there are none.
    """
    if config.text.tokenizer is not None:
        return Tokenizer.load(Path(config.text.tokenizer).expanduser(), config.text.context_tokens)
    if not sources:
        raise DataError(
            "no tokenizer, and no data.train to train one on; give data.train=PATH or "
            "data.text.tokenizer=PATH"
        )
    return Tokenizer.train(_texts(sources, rows), config.text)


def rows_of(sources: Sequence[Source | StreamSource], rows: Sequence[int]) -> list[RowsOfSet]:
    """The rows to learn targets from; of a stream the first."""
    return [
        (source, source.first_rows(FIRST_ROWS))
        if isinstance(source, StreamSource)
        else (source, readable(source, rows if len(sources) == 1 else range(len(source))))
        for source in sources
    ]


def readable(source: Source, rows: Sequence[int]) -> Iterator[Row]:
    """Some rows of a source, without those that are broken."""
    for row in rows:
        with suppress(BrokenSample):  # named where the row is decoded
            yield source.row(row)


def _texts(sources: Sequence[Source | StreamSource], rows: Sequence[int]) -> Iterator[str]:
    """The texts to learn words from; of a stream those of its first rows."""
    for source in sources:
        if isinstance(source, StreamSource):
            for row in source.first_rows(FIRST_ROWS):
                yield from texts_of(row, source)
        else:
            yield from texts(source, rows if len(sources) == 1 else range(len(source)))
