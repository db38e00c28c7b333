"""Rows looked at in several processes, a few at a time, so that memory stays small.

A decoder that ends its process ends no check: the rows that it was working at are tried again, each
in a process that may die for it, and the row that kills its own is named.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

import torch

from sensorium.data.check.examine import Examined, Examiner

Chunk = tuple[int, range]
"""Number of an examiner, and rows of its source."""

KILLED = "decoding it ended the decoder's process: a damaged file, or more memory than there is"
ROWS_AT_ONCE = 32
CHUNKS_AHEAD = 3
"""For each process, so that none waits and none gets far ahead."""


def available_cores() -> int:
    """How many this process may use, which is fewer than the machine has under `taskset`."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def examine_all(examiners: Sequence[Examiner], workers: int) -> Iterator[tuple[int, Examined]]:
    """Every row of every source, in order, with the number of its examiner.

    Args:
        workers: processes.
    """
    chunks = _chunks(examiners, workers)
    while chunks:
        done = 0
        with suppress(BrokenProcessPool):
            for number, examined in _in_processes(examiners, chunks, workers, CHUNKS_AHEAD):
                done += 1
                yield from ((number, one) for one in examined)
        killed = chunks[done : done + workers * CHUNKS_AHEAD]
        yield from _one_by_one(examiners, killed)
        chunks = chunks[done + len(killed) :]


def _one_by_one(
    examiners: Sequence[Examiner], chunks: Sequence[Chunk]
) -> Iterator[tuple[int, Examined]]:
    """Never two rows at once, so that the one that ends its process is known."""
    rows = [(number, range(row, row + 1)) for number, chunk in chunks for row in chunk]
    while rows:
        done = 0
        with suppress(BrokenProcessPool):
            for number, (examined,) in _in_processes(examiners, rows, workers=1, ahead=1):
                done += 1
                yield number, examined
        if done < len(rows):
            number, (row,) = rows[done]
            yield number, Examined(row, broken=[KILLED])
        rows = rows[done + 1 :]


def _chunks(examiners: Sequence[Examiner], workers: int) -> list[Chunk]:
    total = sum(len(examiner.source) for examiner in examiners)
    at_once = max(1, min(ROWS_AT_ONCE, total // (8 * workers)))
    return [
        (number, range(start, min(start + at_once, len(examiner.source))))
        for number, examiner in enumerate(examiners)
        for start in range(0, len(examiner.source), at_once)
    ]


def _in_processes(
    examiners: Sequence[Examiner], chunks: Sequence[Chunk], workers: int, ahead: int
) -> Iterator[tuple[int, list[Examined]]]:
    pool = ProcessPoolExecutor(workers, initializer=_start, initargs=(examiners,))
    pending: deque[Future[tuple[int, list[Examined]]]] = deque()
    try:
        for chunk in chunks:
            pending.append(pool.submit(_examine, chunk))
            if len(pending) >= workers * ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_examiners: Sequence[Examiner] = ()
"""Of a worker process; set once, when it starts."""


def _start(examiners: Sequence[Examiner]) -> None:
    global _examiners
    _examiners = examiners
    torch.set_num_threads(1)  # the processes share the cores; a fork of several threads may hang
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends them


def _examine(chunk: Chunk) -> tuple[int, list[Examined]]:
    number, rows = chunk
    return number, [_examiners[number](row) for row in rows]
