"""Inputs of many requests, gathered while the model is at work, go through it together.

    seats -> submit -> queue -> a thread of its own: [all alike, up to `batch`] -> model -> futures

What waits is bounded: a request takes a seat for each of its inputs before they are decoded. A seat
is free again once the model has taken the input, or the request has ended without that.

An input whose future was cancelled in the meantime (its client has gone, its deadline is over)
never reaches the model. Where a batch fails, its inputs are tried one by one, so that a bad one
spoils none beside it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Compute = Callable[[Sequence[Any]], Sequence[Any]]
"""Inputs of one kind -> as many results, in their order."""


@dataclass(frozen=True)
class Computed:
    """A result with its times.

    Attributes:
        value: what the model gave.
        queued_seconds: from `submit` until the model took it.
        model_seconds: how long the batch took that it was in.
    """

    value: Any
    queued_seconds: float
    model_seconds: float


def timing(computed: Sequence[Computed]) -> dict[str, float]:
    """What an answer tells of the times of its inputs: the longest."""
    queued = max(one.queued_seconds for one in computed)
    model = max(one.model_seconds for one in computed)
    return {"queued_ms": round(1000 * queued, 3), "model_ms": round(1000 * model, 3)}


@dataclass(eq=False)
class _Waiting:
    kind: str
    input: Any
    future: asyncio.Future[Computed]
    since: float = field(default_factory=time.perf_counter)


class QueueFullError(Exception):
    """As many inputs wait as may."""


class Seats:
    """Places in the queue that a request has taken.

    Attributes:
        free: how many of them hold no input yet.
    """

    def __init__(self, batcher: Batcher, free: int) -> None:
        self._batcher, self.free = batcher, free

    def submit(self, kind: str, input: Any) -> asyncio.Future[Computed]:
        """Put an input on one of them; from the event loop.

        Args:
            kind: which of the batcher's `computes`.

        Returns:
            What becomes `Computed`, or raises what the model raised. Cancel it to take it back.
        """
        assert self.free, "more inputs than seats"
        self.free -= 1
        return self._batcher._put(kind, input)


class Batcher:
    """A queue in front of a model, and the one thread that computes with it.

    Args:
        computes: kind of input -> what computes with inputs of that kind.
        queue: how many inputs may wait.
        batch: how many of a kind go together, at most.
        singly: kinds that take long, and gain nothing together: one at a time, so that those whose
            deadline is over meanwhile are not computed.
        wait_seconds: how long a first input waits for company.
        on_batch: told (kind, inputs, seconds) of every batch, in that thread.
    """

    def __init__(
        self,
        computes: Mapping[str, Compute],
        *,
        queue: int,
        batch: int,
        singly: Collection[str] = (),
        wait_seconds: float = 0.0,
        on_batch: Callable[[str, int, float], None] = lambda kind, inputs, seconds: None,
    ) -> None:
        self._computes, self._batch, self._wait = dict(computes), batch, wait_seconds
        self._most, self._singly, self._on_batch = queue, singly, on_batch
        self.waiting = 0  # seats that are taken
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @contextmanager
    def seats(self, count: int) -> Iterator[Seats]:
        """Places for so many inputs, as long as the `with` block lasts.

        Raises:
            QueueFullError: there are not so many.
        """
        with self._changed:
            if self.waiting + count > self._most:
                raise QueueFullError(f"{self.waiting} inputs wait, of at most {self._most}")
            self.waiting += count
        seats = Seats(self, count)
        try:
            yield seats
        finally:
            with self._changed:
                self.waiting -= seats.free

    def _put(self, kind: str, input: Any) -> asyncio.Future[Computed]:
        future: asyncio.Future[Computed] = asyncio.get_running_loop().create_future()
        with self._changed:
            self._queue.append(_Waiting(kind, input, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """End the thread once the queue is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while some := self._take():
            begin = time.perf_counter()
            results = self._compute(some)
            seconds = time.perf_counter() - begin
            self._on_batch(some[0].kind, len(some), seconds)
            told = [
                (one, _computed(one, result, begin, seconds))
                for one, result in zip(some, results, strict=True)
            ]
            loop = some[0].future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, told)

    def _take(self) -> list[_Waiting]:
        """The oldest input and those of its kind; none once it is closed and nothing waits."""
        with self._changed:
            while True:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._queue and self._wait:
                    self._gather()
                some = self._pick()
                if some or (self._closed and not self._queue):
                    return some

    def _gather(self) -> None:
        until = self._queue[0].since + self._wait
        while len(self._queue) < self._batch and not self._closed:
            left = until - time.perf_counter()
            if left <= 0 or not self._changed.wait(left):
                return

    def _pick(self) -> list[_Waiting]:
        """What goes to the model. What nobody waits for any more is dropped; others stay."""
        some: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        most = self._batch
        while self._queue and len(some) < most:
            one = self._queue.popleft()
            if one.future.cancelled():
                self.waiting -= 1
            elif not some or one.kind == some[0].kind:
                some.append(one)
                most = 1 if one.kind in self._singly else self._batch
                self.waiting -= 1
            else:
                left.append(one)
        left.extend(self._queue)
        self._queue = left
        return some

    def _compute(self, some: Sequence[_Waiting]) -> list[Any]:
        compute = self._computes[some[0].kind]
        try:
            return list(compute([one.input for one in some]))
        except Exception as error:
            if len(some) == 1:
                return [error]
        return [result for one in some for result in self._compute([one])]


def _computed(one: _Waiting, result: Any, begin: float, seconds: float) -> Computed | Exception:
    if isinstance(result, Exception):
        return result
    return Computed(result, begin - one.since, seconds)


def _deliver(told: Sequence[tuple[_Waiting, Computed | Exception]]) -> None:
    """Tell those who still wait; in the event loop."""
    for one, result in told:
        if one.future.done():
            continue  # cancelled while the model was at work
        if isinstance(result, Exception):
            one.future.set_exception(result)
        else:
            one.future.set_result(result)
