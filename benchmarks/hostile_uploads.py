"""What does a server make of uploads that mean it harm?

    python benchmarks/hostile_uploads.py --core 1 --json hostile.json

Each goes to one real process of `sensorium serve` that knows pictures, words, sounds and videos,
with its default limits, but that heads and bodies have to come within 4 s, so that nobody waits for
30: what it answers, after how long, how far its resident memory rises, and whether it answers a
proper request afterwards. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import socket
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import av
import numpy as np
import torch
from contenders.served_run import served_run
from contenders.servers import HOST, Server, our_server
from side_by_side import describe_machine

PACKAGES = ("torch", "uvicorn", "fastapi", "pillow", "av")
HOURS_SECONDS, RATE = 36_000, 8000
GIGABYTE, PIECE = 1_000_000_000, bytes(1_000_000)
SLOW_SECONDS = 4
SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>"""

Attack = Callable[[Server], str]
"""Against a server -> what came back."""


@dataclass
class Outcome:
    """Of an attack.

    Attributes:
        answer: status and reason, or that the connection was closed.
        seconds: until then.
        risen_megabytes: the peak of the resident memory over what it was before.
        peak_megabytes: that peak.
        alive: whether the next proper request got 200.
    """

    answer: str
    seconds: float
    risen_megabytes: float
    peak_megabytes: float
    alive: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=int, help="of the server; all of them by default")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    options = parser.parse_args()
    facts = describe_machine(torch.device("cpu"), PACKAGES)
    for what, fact in facts.items():
        print(f"{what}: {fact}")
    with tempfile.TemporaryDirectory() as place:
        run = served_run(Path(place) / "run", "world")
        scenes = Path(place) / "run-scenes"
        attacks = attacks_of(scenes)
        limits = {"header_seconds": SLOW_SECONDS, "body_seconds": SLOW_SECONDS}
        with our_server(run, options.core, limits) as server:
            for proper in propers(scenes).values():  # memory that first use takes is not theirs
                proper(server)
            outcomes = {name: judge(attack, server) for name, attack in attacks.items()}
    print("\n| upload | answer | seconds | memory rose by | peak | alive afterwards |")
    print("|---|---|---|---|---|---|")
    for name, one in outcomes.items():
        print(
            f"| {name} | {one.answer} | {one.seconds:.2f} | {one.risen_megabytes:.0f} MB "
            f"| {one.peak_megabytes:.0f} MB | {'yes' if one.alive else 'NO'} |"
        )
    if options.json is not None:
        told = {name: asdict(one) for name, one in outcomes.items()}
        options.json.write_text(json.dumps({**facts, "uploads": told}, indent=1))
    if not all(one.alive for one in outcomes.values()):
        raise SystemExit("the server did not survive")


def judge(attack: Attack, server: Server) -> Outcome:
    """Attack, and see what is left."""
    server.forget_peak()
    before, begin = server.resident_megabytes, time.perf_counter()
    answer = attack(server)
    seconds = time.perf_counter() - begin
    peak = server.peak_megabytes
    alive = server.process.poll() is None and said(server, {"text": "a red heart"}) == "200"
    return Outcome(answer, seconds, peak - before, peak, alive)


def propers(scenes: Path) -> dict[str, Attack]:
    """A proper request for each modality of a file."""
    found = {}
    for name, ending in (("image", "png"), ("audio", "wav"), ("video", "mp4")):
        content = next(iter(sorted(scenes.rglob(f"*.{ending}")))).read_bytes()
        found[name] = upload(name, content)
    return found


def attacks_of(scenes: Path) -> dict[str, Attack]:
    """Name -> the attack."""
    film = next(iter(sorted(scenes.rglob("*.mp4")))).read_bytes()
    picture = next(iter(sorted(scenes.rglob("*.png")))).read_bytes()
    return {
        "PNG of 20,000 x 10,000 pixels in 25 kB": upload("image", png(20_000, 10_000)),
        "PNG of 8 x 8 whose data unpack to 1 GB": upload("image", png(8, 8, endless())),
        "PNG of 100,000 x 1": upload("image", png(100_000, 1)),
        "WAV whose head says 10 hours, and 100 kB": upload("audio", wav(100_000)),
        "WAV of 10 hours of silence (288 MB)": partial(streamed, pieces=silence),
        "FLAC of 10 hours of silence": upload("audio", flac()),
        "MP4 that was cut in the middle": upload("video", film[: len(film) // 2]),
        "MP4 of its first 100 bytes": upload("video", film[:100]),
        "zip as a JPEG": upload("image", archive(), "image/jpeg"),
        "SVG that names a file of the server": upload("image", SVG, "image/svg+xml"),
        "PNG declared as text/html": upload("image", picture, "text/html"),
        "address instead of a file": lambda server: said(server, {"image": "http://127.0.0.1:22/"}),
        "1 GB, its length said": partial(streamed, pieces=gigabyte, length=GIGABYTE),
        "1 GB in chunks, no length said": partial(streamed, pieces=gigabyte),
        "head that comes byte by byte": partial(slow, head=b"POST /v1/predict HTTP/1.1\r\n"),
        "body that comes byte by byte": partial(
            slow,
            head=b"POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 100000\r\n\r\n",
        ),
        "200 connections that say nothing": silent,
    }


def upload(name: str, content: bytes, declared: str = "application/octet-stream") -> Attack:
    """One file as the modality of that name."""
    uri = f"data:{declared};base64,{base64.b64encode(content).decode('ascii')}"
    return lambda server: said(server, {name: uri})


def said(server: Server, row: dict[str, str]) -> str:
    """The answer to a request to embed a row."""
    return streamed(server, lambda: iter([json.dumps({"input": row}).encode()]))


def streamed(
    server: Server, pieces: Callable[[], Iterator[bytes]], length: int | None = None
) -> str:
    """The answer to a body in pieces, whether or not all of it is taken."""
    connection = HTTPConnection(HOST, server.port, timeout=120)
    try:
        connection.putrequest("POST", "/v1/embeddings")
        connection.putheader("content-type", "application/json")
        if length is None:
            connection.putheader("transfer-encoding", "chunked")
        else:
            connection.putheader("content-length", str(length))
        connection.endheaders()
        try:
            for piece in pieces():
                framed = piece if length is not None else b"%x\r\n%s\r\n" % (len(piece), piece)
                connection.send(framed)
            if length is None:
                connection.send(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it stopped to listen; it may have said why
        response = connection.getresponse()
        return told(response.status, response.read())
    except OSError:
        return "connection closed"
    finally:
        connection.close()


def told(status: int, body: bytes) -> str:
    """A status with the reason of a refusal."""
    error = json.loads(body).get("error", {})
    reason = f"{error['type']}: {error['message']}" if error else ""
    return f"{status} {reason}".strip().replace("|", "/")


def slow(server: Server, head: bytes) -> str:
    """The answer to a head, after which a byte comes ten times a second."""
    with socket.create_connection((HOST, server.port), timeout=0.1) as client:
        client.sendall(head)
        answer = b""
        while True:
            try:
                some = client.recv(65536)
                answer += some
                if not some:
                    break
            except TimeoutError:
                try:
                    client.sendall(b"a")
                except OSError:
                    break
            except OSError:
                break
    if not answer:
        return "connection closed"
    top, _, body = answer.partition(b"\r\n\r\n")
    return told(int(top.split()[1]), body)


def silent(server: Server) -> str:
    """What becomes of connections on which nothing is said, and of a request beside them."""
    clients = [socket.create_connection((HOST, server.port), timeout=60) for _ in range(200)]
    beside = said(server, {"text": "a red heart"})
    answers = {client.recv(65536).split(b"\r\n")[0].decode() for client in clients}
    for client in clients:
        client.close()
    return f"{' and '.join(sorted(answers))}; a request meanwhile: {beside}"


def png(width: int, height: int, data: bytes | None = None) -> bytes:
    """One bit a pixel; data other than its pixels may follow."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    if data is None:
        data = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def endless() -> bytes:
    """1 GB of zeros, packed."""
    packer = zlib.compressobj(9)
    packed = [packer.compress(PIECE) for _ in range(GIGABYTE // len(PIECE))]
    return b"".join([*packed, packer.flush()])


def wav(there: int) -> bytes:
    """8,000 samples of a byte a second, 10 hours as the head says, of which so many are there."""
    length = RATE * HOURS_SECONDS
    head = b"RIFF" + struct.pack("<I", length + 36) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE, 1, 8) + b"data"
    return head + struct.pack("<I", length) + bytes(there)


def silence() -> Iterator[bytes]:
    """All ten hours, as base64 in JSON."""
    yield b'{"input": {"audio": "' + base64.b64encode(wav(0) + bytes(1))
    piece = base64.b64encode(bytes(999_999))
    for _ in range(RATE * HOURS_SECONDS // 999_999):
        yield piece
    yield b'"}}'


def flac() -> bytes:
    """Ten hours, packed."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        track = container.add_stream("flac", rate=RATE, layout="mono")
        minute = np.zeros((1, RATE * 60), np.int16)
        frame = av.AudioFrame.from_ndarray(minute, format="s16", layout="mono")
        frame.sample_rate = RATE
        for _ in range(HOURS_SECONDS // 60):
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return file.getvalue()


def archive() -> bytes:
    """5 MB of zeros in a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.jpg", bytes(5_000_000))
    return file.getvalue()


def gigabyte() -> Iterator[bytes]:
    """Zeros."""
    for _ in range(GIGABYTE // len(PIECE)):
        yield PIECE


if __name__ == "__main__":
    main()
