"""`POST /v1/search`, and the pictures, sounds and videos that were found.

A client names a hit by its id. Which file that is, the index alone knows: nothing that is not in it
can be had, and no path is ever told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from sensorium.data import BrokenSample
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.server.batcher import timing
from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.embeddings import embedder_of, modality_of
from sensorium.deployment.server.inputs import SearchRequest
from sensorium.deployment.server.media import has_picture, media_type, playable, small
from sensorium.deployment.server.openapi import described
from sensorium.deployment.server.problem import Problem
from sensorium.deployment.server.served import Served

CACHING = {"cache-control": "private, max-age=3600"}


def searches(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.post("/v1/search", **described(SearchRequest))
    async def search(request: Request) -> Response:
        """What in the index is nearest to a text, a picture, a sound or a video."""
        return await desk.answer(request, SearchRequest, _found)

    @router.get("/v1/thumbnail", response_class=Response)
    async def thumbnail(id: str, modality: str, model: str | None = None) -> Response:
        """A small picture (WebP) of what was found."""
        known = desk.model(model)
        row = await desk.in_thread(_row, known, id, modality)
        content = await desk.in_thread(small, row, known.predictor.inputs["audio"].config.audio)
        if content is None:
            raise Problem("not_found", f"there is no picture of {id!r}")
        return Response(content, media_type="image/webp", headers=CACHING)

    @router.get("/v1/media", response_class=Response)
    async def media(id: str, modality: str, model: str | None = None) -> Response:
        """The file that was found, to be seen or heard."""
        row = await desk.in_thread(_row, desk.model(model), id, modality)
        path = playable(row)
        if path is None or not path.is_file():
            raise Problem("not_found", f"there is no file of {id!r} to be had")
        return FileResponse(path, media_type=media_type(path.name), headers=CACHING)

    return router


async def _found(desk: Desk, request: Request, asked: SearchRequest) -> dict[str, Any]:
    model = desk.model(asked.model)
    index = _index_of(model)
    embedder, given = embedder_of(model), asked.given
    modality = modality_of(model, given, "the query")
    find = asked.find or embedder.sought_by(modality)
    if find not in embedder.modalities:
        known = ", ".join(embedder.modalities)
        raise Problem("invalid_input", f"find: this model finds {known}, not {find!r}")
    async with desk.seats(model, [given]) as seats:
        try:
            query = await desk.computed(model, seats, f"embed_{modality}", given, 0)
        except BrokenSample as error:
            raise Problem("invalid_input", str(error)) from None
    rows = await desk.in_thread(index.nearest, query.value[0], find, asked.limit)
    times = timing([query])
    request.state.facts.update(model=model.name, inputs=1, hits=len(rows), **times)
    return {
        "id": request.state.request_id,
        "model": model.name,
        "modality": find,
        "hits": [_hit(model, row) for row in rows],
        "timing": times,
    }


def _index_of(model: Served) -> SearchIndex:
    if model.index is None:
        raise Problem(
            "not_found",
            f"the model {model.name!r} has no search index; make one with `sensorium index`",
        )
    return model.index


def _hit(model: Served, row: dict[str, Any]) -> dict[str, Any]:
    asked = urlencode({"id": row["id"], "modality": row["modality"], "model": model.name})
    return {
        "id": row["id"],
        "score": round(row["score"], 6),
        "modality": row["modality"],
        "text": row["text"],
        "file": None if row["path"] is None else Path(row["path"]).name,
        "thumbnail": f"/v1/thumbnail?{asked}" if has_picture(row) else None,
        "media": f"/v1/media?{asked}" if playable(row) is not None else None,
    }


def _row(model: Served, id: str, modality: str) -> dict[str, Any]:
    row = _index_of(model).row(id, modality)
    if row is None:
        raise Problem("not_found", f"the index has no {modality} {id!r}")
    return row
