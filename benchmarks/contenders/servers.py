"""Servers as processes of their own: ours, and LitServe; with what they hold of the memory.

Linux only: it reads `/proc`, and pins by `taskset`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import sensorium

HOST = "127.0.0.1"
SOURCES = Path(sensorium.__file__).parents[1]
LITSERVE = Path(__file__).with_name("litserve_peer.py")
START_SECONDS = 90


@dataclass
class Server:
    """A server that answers.

    Attributes:
        process: the first of its processes; the others are in its group.
        port: on the loopback.
    """

    process: subprocess.Popen[bytes]
    port: int

    def get(self, path: str) -> int:
        """The status of an address."""
        connection = HTTPConnection(HOST, self.port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    @property
    def resident_megabytes(self) -> float:
        """Of its first process, now."""
        return self._status("VmRSS")

    @property
    def peak_megabytes(self) -> float:
        """Of its first process, at most since it began or `forget_peak` was called."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def halt(self) -> None:
        """Give it no processor until `go_on`: a server that polls would take others' time."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After `halt`."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Politely, else by force."""
        with suppress(ProcessLookupError):
            self.go_on()
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _status(self, name: str) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise AssertionError(f"no {name}")


@contextmanager
def our_server(
    run: Path, core: int | None, limits: Mapping[str, float] | None = None
) -> Iterator[Server]:
    """`sensorium serve RUN`, with one thread for the model, in float32."""
    said = [f"--limit={name}={value}" for name, value in (limits or {}).items()]
    port = _free_port()
    command = [sys.executable, "-m", "sensorium", "serve", str(run), f"--port={port}"]
    command += ["--threads=1", "--precision=float32", "--device=cpu", *said]
    with _running(command, port, core, "/readyz") as server:
        yield server


@contextmanager
def litserve(
    python: Path, run: Path, core: int | None, batch: int, wait_seconds: float
) -> Iterator[Server]:
    """LitServe with the same model, in the Python where it is installed."""
    port = _free_port()
    command = [str(python), str(LITSERVE), str(run), str(port), str(batch), str(wait_seconds)]
    with _running(command, port, core, "/health") as server:
        yield server


@contextmanager
def _running(command: Sequence[str], port: int, core: int | None, ready: str) -> Iterator[Server]:
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCES)}
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [*pinned, *command],
            stdout=told,
            stderr=told,
            env=environment,
            start_new_session=True,
        )
        server = Server(process, port)
        try:
            if not _answers(server, ready):
                told.seek(0)
                raise SystemExit(told.read().decode(errors="replace") or "the server did not start")
            yield server
        finally:
            server.end()


def _answers(server: Server, path: str) -> bool:
    until = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < until:
        try:
            if server.get(path) == 200:
                return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
        return port
