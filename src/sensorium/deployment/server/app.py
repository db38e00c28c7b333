"""The application: all routes, the page, and the gate before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from sensorium.deployment.server.about import about
from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.embeddings import embeddings
from sensorium.deployment.server.gate import Gate
from sensorium.deployment.server.predictions import predictions
from sensorium.deployment.server.problem import DEFECT, STATUSES, Problem
from sensorium.deployment.server.searches import searches

PAGE = Path(__file__).parent / "page"


def build_app(desk: Desk, *, token: str | None = None) -> Gate:
    """What uvicorn runs.

    Args:
        desk: with the models.
        token: what clients have to show; None lets in everybody.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    # The pages of documentation load scripts from elsewhere; /openapi.json is all that they show.
    app = FastAPI(title="Sensorium", docs_url=None, redoc_url=None, lifespan=lifespan)
    for routes in (predictions, embeddings, searches, about):
        app.include_router(routes(desk))
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Exception, _defect)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _misasked)
    return Gate(app, desk, token)


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response(request.state.request_id)


async def _defect(request: Request, error: Exception) -> Response:
    """The gate gets it, too, and logs it."""
    return Problem("internal", DEFECT).response(request.state.request_id)


async def _misasked(request: Request, error: Exception) -> Response:
    """What an address lacks, in our form."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return Problem("invalid_input", f"{place}: {first['msg']}").response(request.state.request_id)


async def _refused(request: Request, error: Exception) -> Response:
    """What the framework refuses, in our form."""
    assert isinstance(error, HTTPException)
    kinds = {status: kind for kind, status in STATUSES.items()}
    kind = kinds.get(error.status_code, "invalid_request")
    message = f"{request.method} {request.url.path}: {str(error.detail).lower()}"
    return Problem(kind, message).response(request.state.request_id)
