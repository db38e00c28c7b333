"""What every request passes: a name, the token, the log, the figures, and one form for every error.

It stands outside of the application, so that nothing that goes wrong inside gets past it.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import time
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.log import LOGGER
from sensorium.deployment.server.problem import DEFECT, Problem

REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
GUARDED = ("/v1/", "/metrics", "/openapi.json")
"""Begins of paths that need the token. Whoever watches the process has none; nor does the page,
which holds no data, and asks its reader for it."""

LINGER_SECONDS, LINGER_FROM_BYTES = 2.0, 1_000_000
"""A refused body that is larger than this, or of which nothing is known, is not read to its end,
but for as long, so that a client that is still sending gets to read why."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
        "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


class Gate:
    """The outermost application.

    Args:
        app: what answers.
        desk: whose requests are counted.
        token: what clients have to show as `Authorization: Bearer ...`; None lets in everybody.
    """

    def __init__(self, app: ASGIApp, desk: Desk, token: str | None = None) -> None:
        self.app, self.desk = app, desk
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = _Passage(scope, receive, send)
        self.desk.under_way += 1
        try:
            self._check_token(scope["path"], passage.headers)
            await self.app(scope, passage.receive, passage.send)
        except Problem as problem:
            await passage.refuse(problem)
        except Exception:
            LOGGER.exception("defect", extra={"facts": {"request_id": passage.id}})
            await passage.refuse(Problem("internal", DEFECT))
        finally:
            self.desk.under_way -= 1
            self._tell(passage)

    def _check_token(self, path: str, headers: Headers) -> None:
        if self._token is None or not path.startswith(GUARDED):
            return
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(shown.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not right:
            raise Problem("unauthorized", "expected the header Authorization: Bearer TOKEN")

    def _tell(self, passage: _Passage) -> None:
        seconds = time.perf_counter() - passage.since
        route = passage.scope.get("route")
        path = getattr(route, "path", None) or "other"
        self.desk.metrics.request(path, passage.status, seconds)
        LOGGER.info(
            "request",
            extra={
                "facts": {
                    "request_id": passage.id,
                    "method": passage.scope["method"],
                    "path": passage.scope["path"],
                    "status": passage.status,
                    "milliseconds": round(1000 * seconds, 3),
                    "client": (passage.scope.get("client") or ("", 0))[0],
                    **passage.scope["state"]["facts"],
                }
            },
        )


class _Passage:
    """One request on its way in, and its answer on its way out.

    Attributes:
        id: from the client's `X-Request-Id`, or drawn.
        status: of the answer; 499 where nobody was there to read one.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.headers = Headers(scope=scope)
        said = self.headers.get("x-request-id", "")
        self.id = said if REQUEST_ID.fullmatch(said) else secrets.token_hex(8)
        self.since = time.perf_counter()
        self.status = 499
        self._started = False
        self._whole = not self._has_body()
        facts: dict[str, Any] = {}
        scope.setdefault("state", {}).update(request_id=self.id, since=self.since, facts=facts)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._whole = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._lingers:
                headers["connection"] = "close"
        elif self._lingers and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body"}
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, unless an answer has begun or nobody is there."""
        self.status = problem.status
        if not self._started and problem.kind != "client_gone":
            response = problem.response(self.id)
            await response(self.scope, self.receive, self.send)

    @property
    def _lingers(self) -> bool:
        """Whether an answer goes out while much of the body may still come."""
        said = self.headers.get("content-length", "")
        return not self._whole and not (said.isdecimal() and int(said) <= LINGER_FROM_BYTES)

    def _has_body(self) -> bool:
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    async def _linger(self) -> None:
        async def drain() -> None:
            while not self._whole and (await self.receive())["type"] != "http.disconnect":
                pass

        with suppress(asyncio.TimeoutError):  # whoever sends for longer than this does not read
            await asyncio.wait_for(drain(), LINGER_SECONDS)
