"""Clients of a server that ask again as soon as they are answered, in this process.

They speak plain HTTP/1.1 over connections that stay open, and parse no more than the head of an
answer: what they cost is small beside what a server does.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from contenders.servers import HOST


@dataclass
class Load:
    """What came of it.

    Attributes:
        seconds: that were counted.
        waits: seconds from a request to its answer, of each that got 200.
        statuses: how many answers had each; 0 where a connection was lost.
    """

    seconds: float
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Answers with 200."""
        return len(self.waits) / self.seconds

    def wait_ms(self, percent: int) -> float:
        """A percentile of the waits."""
        return 1e3 * quantiles(self.waits, n=100, method="inclusive")[percent - 1]


def post(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def ask(port: int, requests: Sequence[bytes], clients: int, seconds: float, warmup: float) -> Load:
    """Let so many clients ask, each the requests in turn, and count what is answered after the
    warm-up."""
    return asyncio.run(_ask(port, requests, clients, seconds, warmup))


async def _ask(
    port: int, requests: Sequence[bytes], clients: int, seconds: float, warmup: float
) -> Load:
    load = Load(seconds)
    begin = time.perf_counter() + warmup
    end = begin + seconds
    await asyncio.gather(
        *(_client(port, requests, number, begin, end, load) for number in range(clients))
    )
    return load


async def _client(
    port: int, requests: Sequence[bytes], number: int, begin: float, end: float, load: Load
) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        while (asked := time.perf_counter()) < end:
            writer.write(requests[number % len(requests)])
            number += 1
            try:
                status = await _status(reader)
            except (OSError, asyncio.IncompleteReadError):
                status = 0
            answered = time.perf_counter()
            if begin <= answered < end:
                load.statuses[status] += 1
                if status == 200:
                    load.waits.append(answered - asked)
            if not status:
                await asyncio.sleep(0.05)
                writer.close()
                reader, writer = await asyncio.open_connection(HOST, port)
    finally:
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    """Read one whole answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head[9:12])
