"""The bodies of requests, read within bounds of size, of time, and of all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import Receive

from sensorium.deployment.server.limits import Limits
from sensorium.deployment.server.problem import Problem


class Bodies:
    """Those in memory now: a body counts from its first byte until its request is answered.

    Attributes:
        held: bytes of all of them.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body, as long as the `with` block lasts.

        Raises:
            Problem: it is too large, too slow, does not fit beside the others, or its client left.
        """
        counted = _Counted(self)
        try:
            said = request.headers.get("content-length", "")
            if said.isdecimal():
                counted.expect(int(said))
            collected = self._collect(request.receive, counted)
            try:
                body = await asyncio.wait_for(collected, self.limits.body_seconds)
            except asyncio.TimeoutError:
                raise Problem(
                    "timeout", f"the body did not come within {self.limits.body_seconds:g} s"
                ) from None
            yield body
        finally:
            self.held -= counted.bytes

    async def _collect(self, receive: Receive, counted: _Counted) -> bytes:
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Problem("client_gone", "the client left before its request was whole")
            chunks.append(message.get("body", b""))
            counted.add(len(chunks[-1]))
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class _Counted:
    """What one body takes of the bytes that all may hold."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies, self.bytes, self._received = bodies, 0, 0

    def expect(self, total: int) -> None:
        """Count so many bytes in all."""
        limits = self._bodies.limits
        if total > limits.request_bytes:
            raise Problem(
                "too_large",
                f"expected a body of at most {limits.request_bytes:,} bytes, got {total:,} or more",
            )
        more = total - self.bytes
        if more > 0:
            if self._bodies.held + more > limits.reading_bytes:
                raise Problem("overloaded", "too many large requests at a time; come back later")
            self._bodies.held += more
            self.bytes = total

    def add(self, received: int) -> None:
        self._received += received
        self.expect(self._received)
