"""`POST /v1/embeddings`, in the form of OpenAI's API: texts, pictures and sounds into one space."""

from __future__ import annotations

import base64
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from torch import Tensor

from sensorium.data import BrokenSample
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.server.desk import Desk, every
from sensorium.deployment.server.inputs import EmbeddingsRequest
from sensorium.deployment.server.openapi import described
from sensorium.deployment.server.problem import Problem
from sensorium.deployment.server.served import Served


def embeddings(desk: Desk) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.post("/v1/embeddings", **described(EmbeddingsRequest))
    async def embed(request: Request) -> Response:
        """Unit vectors of texts, or of objects with one modality each."""
        return await desk.answer(request, EmbeddingsRequest, _embedded)

    return router


def embedder_of(model: Served) -> Embedder:
    """Raises `Problem` where the model has learned no common space."""
    if model.embedder is None:
        raise Problem(
            "invalid_input",
            f"the model {model.name!r} has no contrastive task, so it embeds nothing",
        )
    return model.embedder


def modality_of(model: Served, given: dict[str, Any], place: str) -> str:
    """The one modality of an input.

    Raises:
        Problem: it has none or several, or one that the model does not embed.
    """
    known = embedder_of(model).modalities
    if len(given) != 1:
        raise Problem(
            "invalid_input",
            f"{place}: expected one of {', '.join(known)}, got {' and '.join(given) or 'none'}",
        )
    (modality,) = given
    if modality not in known:
        raise Problem(
            "invalid_input", f"{place}: this model embeds {', '.join(known)}, not {modality}"
        )
    return modality


async def _embedded(desk: Desk, request: Request, asked: EmbeddingsRequest) -> dict[str, Any]:
    model = desk.model(asked.model)
    width = embedder_of(model).contrastive.width
    if asked.dimensions not in (None, width):
        raise Problem("invalid_input", f"dimensions: this model's embeddings have {width}")
    inputs = [one.given for one in asked.inputs]
    kinds = [
        f"embed_{modality_of(model, given, f'input[{number}]')}"
        for number, given in enumerate(inputs)
    ]
    async with desk.seats(model, inputs) as seats:
        found = await every(
            desk.computed(model, seats, kind, given, number)
            for number, (kind, given) in enumerate(zip(kinds, inputs, strict=True))
        )
    data = []
    for number, one in enumerate(found):
        if isinstance(one, BrokenSample):
            raise Problem("invalid_input", str(one))
        vector, _ = one.value
        data.append(
            {
                "object": "embedding",
                "index": number,
                "embedding": _written(vector, asked.encoding_format),
            }
        )
    used = sum(one.value[1] for one in found if not isinstance(one, BrokenSample))
    request.state.facts.update(model=model.name, inputs=len(inputs))
    return {
        "object": "list",
        "data": data,
        "model": model.name,
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def _written(vector: Tensor, form: str) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode("ascii")
    return vector.tolist()
