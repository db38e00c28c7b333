"""`POST /v1/predict`: rows in, what each task says of each out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sensorium.data import BrokenSample
from sensorium.deployment.server.batcher import Computed, timing
from sensorium.deployment.server.desk import Desk, every
from sensorium.deployment.server.inputs import PredictRequest
from sensorium.deployment.server.openapi import described
from sensorium.deployment.server.problem import Problem


def predictions(desk: Desk) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.post("/v1/predict", **described(PredictRequest))
    async def predict(request: Request) -> Response:
        """What the model's tasks say of some inputs.

        As a form: one input, with the fields `image`, `audio` and `video` as files and `text`.
        """
        return await desk.answer(request, PredictRequest, _predicted)

    return router


async def _predicted(desk: Desk, request: Request, asked: PredictRequest) -> dict[str, Any]:
    model = desk.model(asked.model)
    inputs = [one.given for one in asked.inputs]
    kind = "explain" if asked.explain else "predict"
    async with desk.seats(model, inputs) as seats:
        found = await every(
            desk.computed(model, seats, kind, given, number) for number, given in enumerate(inputs)
        )
    answers = [_answer(one) for one in found]
    if all("error" in answer for answer in answers):
        raise Problem("invalid_input", answers[0]["error"])
    computed = [one for one in found if isinstance(one, Computed)]
    times = timing(computed)
    request.state.facts.update(model=model.name, inputs=len(inputs), **times)
    return {
        "id": request.state.request_id,
        "model": model.name,
        "predictions": answers,
        "timing": times,
    }


def _answer(found: Computed | BrokenSample) -> dict[str, Any]:
    return {"error": str(found)} if isinstance(found, BrokenSample) else found.value
