"""What a client asks, as JSON or as a form -> typed requests, and rows that a model can read.

A file comes as base64, as a data URI or as a part of a form. Nothing that a client says is taken
for a path or an address: what reaches the decoders are bytes, and words.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from sensorium.data import BrokenSample
from sensorium.deployment.server.limits import MOST_INPUTS
from sensorium.deployment.server.problem import Problem

FILES = ("image", "audio", "video")
DECLARED: Mapping[str, tuple[str, ...]] = {
    "image": ("image/",),
    "audio": ("audio/", "video/", "application/ogg"),
    "video": ("video/", "image/", "application/mp4", "application/ogg"),
}
"""Media types that a file may be declared as. What it is, its bytes say."""

NEUTRAL = ("", "application/octet-stream", "binary/octet-stream")
FORM_FIELDS = 16


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Input(_Asked):
    """One row: any of the modalities that the model knows."""

    image: str | bytes | None = None
    """A picture file: base64, or a data URI."""
    text: str | None = None
    """Words."""
    audio: str | bytes | None = None
    """A sound file, or a video whose sound is meant."""
    video: str | bytes | None = None
    """A video file."""

    @property
    def given(self) -> dict[str, str | bytes]:
        """Modality -> what is there of it."""
        return {name: value for name, value in self if value is not None}


class Timed(_Asked):
    """What every request may say."""

    model: str | None = None
    """Name of one of `/v1/models`; left out, the first."""
    deadline_ms: float | None = Field(default=None, gt=0)
    """Answer within this, or with 504; the server's own limit holds, too."""


class PredictRequest(Timed):
    """Rows to answer."""

    inputs: list[Input] = Field(min_length=1, max_length=MOST_INPUTS)
    """The rows."""
    explain: bool = False
    """Whether to say, too, what in each input an answer rests on."""


Texts = Annotated[list[str], Field(min_length=1, max_length=MOST_INPUTS)]
Inputs = Annotated[list[Input], Field(min_length=1, max_length=MOST_INPUTS)]


class EmbeddingsRequest(Timed):
    """What to embed, in the form of OpenAI's API; an object says another modality than text."""

    input: str | Texts | Input | Inputs
    """A text, several, or objects with one modality each."""
    encoding_format: str = Field(default="float", pattern="^(float|base64)$")
    """float: a list of numbers; base64: little-endian float32."""
    dimensions: int | None = None
    """Accepted where it is the width of the model's embeddings."""
    user: str | None = None
    """Ignored."""

    @property
    def inputs(self) -> list[Input]:
        listed = self.input if isinstance(self.input, list) else [self.input]
        return [Input(text=one) if isinstance(one, str) else one for one in listed]


class SearchRequest(Timed, Input):
    """What to search by: exactly one of text, image, audio and video."""

    find: str | None = None
    """Modality of what is looked for; left out, pictures, or what the model knows beside the
    query's own modality."""
    limit: int = Field(default=10, ge=1, le=100)
    """How many."""

    @property
    def given(self) -> dict[str, str | bytes]:
        return {name: value for name in Input.model_fields if (value := getattr(self, name))}


Asked = TypeVar("Asked", bound=Timed)


async def asked_of(body: bytes, headers: Headers, kind: type[Asked]) -> Asked:
    """The request in a body, as its content type says.

    Raises:
        Problem: neither JSON nor a form, or not of the kind that was expected.
    """
    declared = headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared == "application/json":
        return of_json(body, kind)
    if declared == "multipart/form-data":
        return _validated(kind, await _form(body, headers, kind))
    raise Problem(
        "unsupported_media_type",
        "expected the content type application/json or multipart/form-data, got "
        f"{declared or 'none'!r}",
    )


def of_json(body: bytes, kind: type[Asked]) -> Asked:
    """Raises `Problem` for what is no JSON, or not of this kind."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _explained(error) from None


def row_of(input: Mapping[str, str | bytes], place: str, characters: int) -> dict[str, Any]:
    """An input as `Predictor.read` takes it: bytes and words, never a path.

    Args:
        input: modality -> what the client sent.
        place: what to call it in a message, as in `inputs[0]`.
        characters: of a text, at most.

    Raises:
        BrokenSample: it is no base64, or too long.
    """
    row: dict[str, Any] = {}
    for name, value in input.items():
        if name not in FILES:
            if len(value) > characters:
                raise BrokenSample(
                    f"{place}.{name}: expected at most {characters:,} characters, "
                    f"got {len(value):,}"
                )
            row[name] = value
            continue
        content = value if isinstance(value, bytes) else _from_base64(value, f"{place}.{name}")
        row[name] = {"bytes": content, "path": f"{place}.{name}"}
    return row


def check_declared(input: Mapping[str, str | bytes], place: str) -> None:
    """Raises `Problem` where a data URI says another kind of file than its field takes."""
    for name, value in input.items():
        if isinstance(value, str) and name in FILES and value[:5].lower() == "data:":
            declared = value[5:200].partition(",")[0].partition(";")[0].strip().lower()
            _check_declared(name, declared, f"{place}.{name}")


def _check_declared(name: str, declared: str, place: str) -> None:
    if declared not in NEUTRAL and not declared.startswith(DECLARED[name]):
        expected = " or ".join(f"{one}*" if one.endswith("/") else one for one in DECLARED[name])
        raise Problem("unsupported_media_type", f"{place}: expected {expected}, got {declared!r}")


def _from_base64(text: str, place: str) -> bytes:
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise BrokenSample(
                f"{place}: expected a data URI in base64, as data:image/png;base64,..."
            )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        hint = "; addresses are not fetched" if "://" in text[:16] else ""
        raise BrokenSample(f"{place}: expected a file in base64 or a data URI{hint}") from None


async def _form(body: bytes, headers: Headers, kind: type[Timed]) -> dict[str, Any]:
    """The fields of a form, as JSON would say them; one row."""

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        headers, once(), max_files=len(FILES), max_fields=FORM_FIELDS, max_part_size=len(body) + 1
    )
    parser.spool_max_size = len(body) + 1  # never a file on the disk
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Problem("invalid_request", f"the form cannot be read: {error}") from None
    try:
        found = await _fields(form)
    finally:
        await form.close()
    if kind is not PredictRequest:
        return found
    row = {name: found.pop(name) for name in Input.model_fields if name in found}
    return found | {"inputs": [row]}


async def _fields(form: FormData) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in found:
            raise Problem("invalid_input", f"the form has the field {name!r} twice")
        if isinstance(value, UploadFile) != (name in FILES):
            expected = "a file" if name in FILES else "words, not a file"
            raise Problem("invalid_input", f"the form's field {name!r}: expected {expected}")
        if isinstance(value, UploadFile):
            _check_declared(name, (value.content_type or "").partition(";")[0].lower(), name)
            found[name] = await value.read()
        else:
            found[name] = value
    return found


def _validated(kind: type[Asked], content: Mapping[str, Any]) -> Asked:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Problem("invalid_request", f"the body is no JSON: {first['msg']}")
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "too_long":
        return Problem("too_large", f"{place}: {first['msg']}")
    return Problem("invalid_input", f"{place or 'the body'}: {first['msg']}")
