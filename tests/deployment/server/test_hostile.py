"""Whatever a client sends gets a 4xx or loses its connection; the server answers the next one."""

import io
import json
import os
import socket
import struct
import time
import zipfile
import zlib

import av
import numpy as np
import pytest
from PIL import Image
from tests.deployment.server.conftest import Running, problem, uri
from tests.films import grey_levels, write_film


@pytest.fixture(autouse=True)
def _alive(server, senses):
    yield
    for one in (server, senses):
        assert one.http.get("/healthz").status_code == 200
        assert one.desk.bodies.held == 0


def refused(server: Running, name: str, content: bytes, kind: str) -> tuple[int, str, str]:
    return problem(server.predict({name: uri(content, kind)}))


def png(width: int, height: int, data: bytes | None = None) -> bytes:
    """One bit a pixel; data other than its pixels may follow."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    if data is None:
        data = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_picture_that_would_fill_the_memory(senses):
    status, kind, said = refused(senses, "image", png(20_000, 10_000), "image/png")
    assert (status, kind) == (422, "invalid_input")
    assert "20000 x 10000 pixels, more than data.image.max_pixels=32000000" in said


def test_a_picture_of_few_pixels_whose_data_do_not_end(senses):
    content = png(8, 8, zlib.compress(bytes(50_000_000), 9))
    assert senses.predict({"image": uri(content)}).status_code in (200, 422)


def test_a_picture_that_is_a_line(senses):
    content = io.BytesIO()
    Image.new("RGB", (100_000, 1)).save(content, "PNG")
    assert senses.predict({"image": uri(content.getvalue())}).status_code in (200, 422)


def flac(seconds: int, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        track = container.add_stream("flac", rate=rate, layout="mono")
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, rate * 60), np.int16), format="s16", layout="mono"
        )
        silence.sample_rate = rate
        for _ in range(seconds // 60):
            container.mux(track.encode(silence))
        container.mux(track.encode(None))
    return file.getvalue()


def test_a_sound_of_hours(senses):
    rate = 8000
    said_bytes = rate * 36_000
    head = b"RIFF" + struct.pack("<I", said_bytes + 36) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8) + b"data"
    wav = head + struct.pack("<I", said_bytes) + bytes(100_000)
    assert refused(senses, "audio", wav, "audio/wav")[:2] == (422, "invalid_input")
    status, kind, said = refused(senses, "audio", flac(600), "audio/flac")
    assert (status, kind) == (422, "invalid_input")
    assert "beyond data.audio.max_seconds=60" in said


def test_a_film_that_was_cut(senses, tmp_path):
    content = write_film(tmp_path / "film.mp4", grey_levels(50)).read_bytes()
    assert senses.predict({"video": uri(content, "video/mp4")}).status_code == 200
    for length in (len(content) // 2, 100, 8):
        cut = refused(senses, "video", content[:length], "video/mp4")
        assert cut[:2] == (422, "invalid_input")


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.jpg", bytes(5_000_000))
    return file.getvalue()


SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>"""


@pytest.mark.parametrize("name", ["image", "audio", "video"])
@pytest.mark.parametrize(
    "content",
    [archive(), SVG, b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"\0" * 999],
    ids=["zip", "svg", "empty", "jpeg", "gif", "wav", "zeros"],
)
def test_what_is_no_such_file(senses, name, content):
    status, kind, said = refused(senses, name, content, "application/octet-stream")
    assert (status, kind) == (422, "invalid_input")
    assert "/etc" not in said
    assert "root:" not in said


def test_noise(senses):
    for name, kind in (("image", "image/jpeg"), ("audio", "audio/mpeg"), ("video", "video/mp4")):
        for _ in range(5):
            content = os.urandom(3000)
            assert refused(senses, name, content, kind)[:2] == (422, "invalid_input")


def test_a_file_declared_as_another_kind(senses, picture):
    for declared in ("text/html", "audio/wav", "application/zip"):
        assert refused(senses, "image", picture, declared)[:2] == (415, "unsupported_media_type")
    part = {"image": ("a.png", picture, "text/html")}
    assert problem(senses.http.post("/v1/predict", files=part))[0] == 415


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"image": "http://127.0.0.1:1/a.png"}, "addresses are not fetched"),
        ({"image": "file:///etc/passwd"}, "addresses are not fetched"),
        ({"image": "/etc/passwd"}, ""),
        ({"image": "data:image/png,abc"}, "data URI in base64"),
        ({"image": {"path": "/etc/passwd"}}, ""),
        ({"path": "/etc/passwd"}, "inputs.0.path"),
        ({"text": "a" * 20_001}, "at most 20,000 characters"),
        ({"text": 5}, "inputs.0.text"),
        ({}, ""),
        ("words", ""),
    ],
)
def test_rows_that_are_none(senses, row, said):
    status, kind, message = problem(senses.predict(row))
    assert (status, kind) == (422, "invalid_input")
    assert said in message
    assert "root:" not in message


@pytest.mark.parametrize("path", ["predict", "embeddings", "search"])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"inputs": [], "input": []}'),
        *(b'{"text": "\\ud800"}', b'{"model": 5}', b'{"deadline_ms": -1}', b'{"limit": 1e999}'),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_bodies_that_ask_nothing(server, path, body):
    as_json = {"content-type": "application/json"}
    response = server.http.post(f"/v1/{path}", content=body, headers=as_json)
    assert problem(response)[0] in (400, 422)


@pytest.mark.parametrize(
    "declared",
    ["text/plain", "application/xml", "multipart/form-data", "multipart/form-data; boundary=x", ""],
)
def test_content_types_that_are_not_taken(server, declared):
    response = server.http.post("/v1/predict", content=b"abc", headers={"content-type": declared})
    assert problem(response)[0] in (400, 415, 422)


def test_more_than_the_limits(server):
    many = [{"text": "a"}] * 9
    assert problem(server.predict(*many))[:2] == (413, "too_large")
    body = b'{"inputs": [' + b"{}," * 300_000 + b"{}]}"
    as_json = {"content-type": "application/json"}
    response = server.http.post("/v1/predict", content=body, headers=as_json)
    assert problem(response)[:2] == (413, "too_large")
    big = b" " * 3_000_000
    response = server.http.post("/v1/predict", content=big, headers=as_json)
    assert problem(response)[:2] == (413, "too_large")
    streamed = (bytes(100_000) for _ in range(30))
    response = server.http.post("/v1/predict", content=streamed, headers=as_json)
    assert problem(response)[:2] == (413, "too_large")


@pytest.mark.parametrize("id", ["a\0b", "'", "\\", "%", "x" * 5000, "é漢"])
@pytest.mark.parametrize("modality", ["image", "'; DROP TABLE samples", "nothing"])
def test_names_of_hits_that_are_none(server, id, modality):
    response = server.http.get("/v1/thumbnail", params={"id": id, "modality": modality})
    assert problem(response)[0] in (404, 422)
    assert problem(server.http.get("/v1/thumbnail"))[:2] == (422, "invalid_input")


def answer_of(server: Running, *parts: bytes, pause: float = 0.0) -> bytes:
    """What a raw client reads until it is closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            found = b""
            while some := client.recv(4096):
                found += some
        except (ConnectionResetError, BrokenPipeError):
            return b""
    return found


POST = b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"GET /healthz HTTP/1.1\r\nhost: x\r\n", *[b"a: b\r\n"] * 5],
        [POST + b"content-length: 100\r\n\r\n", *[b" "] * 5],
        [POST + b"transfer-encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 5],
    ],
    ids=["silent", "head", "body", "chunks"],
)
def test_a_client_that_is_slow_is_not_waited_for(server, parts):
    answer = answer_of(server, *parts, pause=0.2)  # that it ends is what is tested
    if answer:
        assert b" 408 " in answer.split(b"\r\n")[0]
        error = json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
        assert error["type"] == "timeout"


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        POST + b"content-length: -5\r\n\r\n",
        POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nonsense", "address", "length", "lengths", "chunk"],
)
def test_what_is_no_http(server, sent):
    answer = answer_of(server, sent)
    assert not answer or answer.split(b" ")[1].startswith(b"4")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
    ids=["version", "header"],
)
def test_a_head_that_is_odd_but_whole_is_answered_or_refused(server, sent):
    answer = answer_of(server, sent)
    assert not answer or answer.split(b" ")[1][:1] in (b"2", b"4")
