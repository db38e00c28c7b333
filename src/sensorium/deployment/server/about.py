"""What the server tells of itself: its models, rows to try, whether it is well, its figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.media import media_type
from sensorium.deployment.server.problem import Problem
from sensorium.deployment.server.served import Served


def about(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The models by name, each with its modalities, its tasks with their classes or answers,
        whether it embeds, searches and explains, and what it takes."""
        told = [model.facts(desk.limits) for model in desk.models.values()]
        return {"object": "list", "data": told, "default": told[0]["id"]}

    @router.get("/v1/examples")
    async def examples(model: str | None = None) -> dict[str, Any]:
        """Some rows to try: words as they are, files as addresses of this server."""
        asked = desk.model(model)
        told = [_told(asked, number) for number in range(len(asked.examples))]
        return {"model": asked.name, "examples": told}

    @router.get("/v1/examples/{model}/{number}/{modality}", response_class=Response)
    async def file(model: str, number: int, modality: str) -> Response:
        """The file of an example."""
        listed = desk.model(model).examples
        values = listed[number].values if 0 <= number < len(listed) else {}
        content = values.get(modality)
        if not isinstance(content, bytes):
            raise Problem("not_found", f"example {number} of {model!r} has no such file")
        name = listed[number].files.get(modality, "")
        return Response(content, media_type=media_type(name))

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        """Whether requests are taken in."""
        if desk.draining:
            return JSONResponse({"status": "draining"}, 503)
        return JSONResponse({"status": "ready"})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Figures, as Prometheus reads them."""
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router


def _told(model: Served, number: int) -> dict[str, Any]:
    example = model.examples[number]
    inputs = {
        name: value if isinstance(value, str) else f"/v1/examples/{model.name}/{number}/{name}"
        for name, value in example.values.items()
    }
    return {"id": example.id, "inputs": inputs, "files": example.files}
