"""Where requests for work are taken in, bounded in every way, and given up when nobody waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse

from sensorium.data import BrokenSample
from sensorium.deployment.server.batcher import Computed, QueueFullError, Seats
from sensorium.deployment.server.bodies import Bodies
from sensorium.deployment.server.inputs import Asked, asked_of, check_declared, row_of
from sensorium.deployment.server.limits import Limits
from sensorium.deployment.server.metrics import Metrics
from sensorium.deployment.server.problem import Problem
from sensorium.deployment.server.served import Served

Result = TypeVar("Result")


class Desk:
    """All models, and the way of every request to one of them.

    Args:
        models: at least one; the first is the default.
        limits: of the server.

    Attributes:
        draining: whether the server is about to end, and takes in nothing more.
        under_way: requests that are not answered yet.
    """

    def __init__(self, models: Iterable[Served], limits: Limits) -> None:
        self.models = {model.name: model for model in models}
        self.limits = limits
        self.bodies = Bodies(limits)
        self.metrics = Metrics()
        self.draining = False
        self.under_way = 0
        self._threads = ThreadPoolExecutor(limits.decoders, thread_name_prefix="decoder")
        for model in self.models.values():
            model.open(limits, self.metrics.batch(model.name))
            self.metrics.watch_queue(model.name, partial(_waiting, model))
        self.metrics.watch_requests(lambda: self.under_way, lambda: self.bodies.held)

    def model(self, name: str | None) -> Served:
        """The model of that name, or the default.

        Raises:
            Problem: there is none.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            known = ", ".join(self.models)
            raise Problem("not_found", f"no model {name!r}; there are {known}")
        return self.models[name]

    async def answer(
        self,
        request: Request,
        kind: type[Asked],
        work: Callable[[Desk, Request, Asked], Coroutine[Any, Any, dict[str, Any]]],
    ) -> JSONResponse:
        """What some work gives for a request.

        Raises:
            Problem: the request is refused, or its work was given up.
        """
        async with self.asked(request, kind) as asked:
            return JSONResponse(await self.within(request, asked, work(self, request, asked)))

    @asynccontextmanager
    async def asked(self, request: Request, kind: type[Asked]) -> AsyncIterator[Asked]:
        """What a request asks; its body counts as held as long as the `with` block lasts.

        Raises:
            Problem: it is refused.
        """
        if self.draining:
            raise Problem("unavailable", "the server is about to end")
        if all(model.batcher.waiting >= self.limits.queue for model in self.models.values()):
            raise Problem("overloaded", "too many inputs wait; come back later")
        async with self.bodies.read(request) as body:
            yield await asked_of(body, request.headers, kind)

    async def within(
        self, request: Request, asked: Any, work: Coroutine[Any, Any, Result]
    ) -> Result:
        """The result of some work, given up once its deadline is over or its client has gone.

        Args:
            request: whose body was read.
            asked: what it asks, perhaps with a deadline of its own.
            work: what is to be done.

        Raises:
            Problem: it was given up.
        """
        seconds = self.limits.deadline_seconds
        if asked.deadline_ms is not None:
            seconds = min(seconds, asked.deadline_ms / 1000)
        left = seconds - (time.perf_counter() - request.state.since)
        doing = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_gone(request))
        try:
            done, _ = await asyncio.wait(
                {doing, gone}, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED
            )
            if doing in done:
                return doing.result()
        finally:
            for task in (doing, gone):
                task.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)
        if gone in done:
            raise Problem("client_gone", "the client left before its answer was there")
        raise Problem("deadline_exceeded", f"no answer within {seconds:g} s")

    @asynccontextmanager
    async def seats(self, model: Served, inputs: list[dict[str, Any]]) -> AsyncIterator[Seats]:
        """Places in the queue of a model, one for each of the inputs of a request.

        Raises:
            Problem: it asks too much at once, or too many wait.
        """
        if len(inputs) > self.limits.inputs:
            raise Problem(
                "too_large",
                f"expected at most {self.limits.inputs} inputs of a request, got {len(inputs)}",
            )
        for number, given in enumerate(inputs):
            check_declared(given, f"inputs[{number}]")
        try:
            with model.batcher.seats(len(inputs)) as seats:
                yield seats
        except QueueFullError as error:
            raise Problem("overloaded", f"{error}; come back later") from None

    async def computed(
        self, model: Served, seats: Seats, kind: str, given: dict[str, Any], number: int
    ) -> Computed:
        """What a model gives for one input: decoded in a thread, then through the queue.

        Args:
            seats: of its request.
            kind: what is to be computed.
            given: the input, modality -> what the client sent.
            number: of the input in its request.

        Raises:
            BrokenSample: it cannot be read.
        """
        sample = await self.in_thread(self._read, model, given, f"inputs[{number}]")
        return await seats.submit(kind, sample)

    async def in_thread(self, call: Callable[..., Result], *args: Any) -> Result:
        """The result of what would hold up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)

    def _read(self, model: Served, given: dict[str, Any], place: str) -> Any:
        return model.predictor.read(row_of(given, place, self.limits.text_characters))

    def close(self) -> None:
        """End the threads; what was submitted is still computed."""
        self._threads.shutdown(cancel_futures=True)
        for model in self.models.values():
            model.batcher.close()


async def every(work: Iterable[Awaitable[Result]]) -> list[Result | BrokenSample]:
    """All results, or why there is none; anything but a broken input is raised."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, BrokenSample):
            raise one
    return found  # type: ignore[return-value]  # others were raised


async def _gone(request: Request) -> None:
    """Ends when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _waiting(model: Served) -> int:
    return model.batcher.waiting
