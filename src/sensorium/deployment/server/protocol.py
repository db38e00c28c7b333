"""One connection, guarded: the head of a request has to come in time, and there are not too many.

uvicorn bounds how long a connection may idle after an answer; a client that sends the head of its
request byte by byte, or nothing at all, it waits for without end.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sensorium.deployment.server.problem import RETRY_SECONDS

HEAD_BYTES = 32_768


def guarded(header_seconds: float, connections: int) -> type[H11Protocol]:
    """The protocol for uvicorn's `http`, with these limits.

    Args:
        header_seconds: within which a whole head has to come, from the connection's begin or the
            last answer on.
        connections: open at a time, at most.
    """

    class Guarded(_Guarded):
        limit_seconds, limit_connections = header_seconds, connections

    return Guarded


class _Guarded(H11Protocol):
    limit_seconds: float
    limit_connections: int
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limit_connections:
            self._refuse(503, "unavailable", "too many connections; come back later")
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "invalid_request", msg)

    def _watch(self) -> None:
        """While no request is under way the clock runs."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.limit_seconds, self._late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        said = f"the head of a request did not come within {self.limit_seconds:g} s"
        self._refuse(408, "timeout", said)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer without asking the application, and close."""
        if self.transport.is_closing():
            return
        self._stop()
        error = {"type": kind, "message": message, "request_id": None}
        body = json.dumps({"error": error}).encode("ascii")
        headers: list[tuple[bytes, Any]] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"connection", b"close"),
        ]
        if status == 503:
            headers.append((b"retry-after", str(RETRY_SECONDS).encode("ascii")))
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
