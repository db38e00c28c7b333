"""Why a request is not answered: a status, a kind and a sentence, always in one form of JSON."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

STATUSES: Mapping[str, int] = {
    "invalid_request": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_input": 422,
    "overloaded": 429,
    "client_gone": 499,
    "internal": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
"""Kind -> status. 499 is for the log alone: nobody is there to read it."""

DEFECT = "the server failed; see its log"
"""Of what is ours a client gets no more than this."""

RETRY_SECONDS = 1
"""After which one who was told to come back may do so; also what `Retry-After` says."""


class Problem(Exception):  # noqa: N818  (RFC 9457 calls it that, too)
    """Raised wherever a request cannot be answered.

    Args:
        kind: one of `STATUSES`.
        message: what was expected, what came, how to mend it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, STATUSES[kind]

    def response(self, request_id: str) -> JSONResponse:
        """What the client gets."""
        headers = {}
        if self.kind in ("overloaded", "unavailable"):
            headers["retry-after"] = str(RETRY_SECONDS)
        if self.kind == "unauthorized":
            headers["www-authenticate"] = "Bearer"
        if self.kind in ("timeout", "too_large"):
            headers["connection"] = "close"  # what is left of the body is not worth reading
        error = {"type": self.kind, "message": self.message, "request_id": request_id}
        return JSONResponse({"error": error}, self.status, headers)
