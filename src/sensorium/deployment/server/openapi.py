"""What `/openapi.json` says of routes that read their bodies themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sensorium.deployment.server.problem import STATUSES


class ErrorFacts(BaseModel):
    """Why a request was not answered."""

    type: str
    message: str
    request_id: str


class Error(BaseModel):
    """The one form of every error."""

    error: ErrorFacts


REFUSALS = ("invalid_request", "too_large", "unsupported_media_type", "invalid_input")
REFUSALS_IN_TIME = ("timeout", "overloaded", "unavailable", "deadline_exceeded")


def described(body: type[BaseModel]) -> dict[str, Any]:
    """Keywords of a route: the schema of its body, and the errors that it gives."""
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    schema = _inlined(schema, schema.pop("$defs", {}))
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": schema}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "responses": {
            STATUSES[kind]: {"model": Error, "description": kind.replace("_", " ")}
            for kind in (*REFUSALS, *REFUSALS_IN_TIME)
        },
        "response_model": None,
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with what it refers to in its place."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(one, definitions) for name, one in schema.items()}
