"""A server of a tiny run, in this process, or as a process of its own."""

import asyncio
import base64
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
import uvicorn
from tests.conftest import small_mixture, small_model, small_model_config

from sensorium.data import DataConfig, TextConfig, Tokenizer, build_modalities
from sensorium.deployment.predictor import Predictor
from sensorium.deployment.server.app import build_app
from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.limits import Limits
from sensorium.deployment.server.protocol import HEAD_BYTES, guarded
from sensorium.deployment.server.served import Served
from sensorium.run import Run
from sensorium.verbs.index import index
from sensorium.verbs.serve import _limits, _opened


class Running:
    """A server on a port of its own."""

    def __init__(self, desk: Desk, port: int) -> None:
        self.desk, self.port = desk, port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)

    def predict(self, *inputs: dict[str, Any], **more: Any) -> httpx.Response:
        return self.http.post("/v1/predict", json={"inputs": list(inputs), **more})

    def counted(self, name: str) -> float:
        """The sum of a figure over its labels."""
        lines = self.http.get("/metrics").text.splitlines()
        return sum(float(one.split()[-1]) for one in lines if one.startswith(name))


Serving = Callable[..., Any]


@pytest.fixture(scope="session")
def indexed(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the run with a search index; the data stays beside the first."""
    folder = tmp_path_factory.mktemp("served") / "run"
    shutil.copytree(trained.folder, folder)
    index(folder, trained.folder.parent / "data" / "test.jsonl")
    return Run.open(folder)


@contextmanager
def running(models: list[Served], bounds: Limits, token: str | None = None) -> Iterator[Running]:
    desk = Desk(models, bounds)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            build_app(desk, token=token),
            http=guarded(bounds.header_seconds, bounds.connections),
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_graceful_shutdown=1,
            ws="none",
            log_config=None,
        )
        server = uvicorn.Server(config)
        work = lambda: asyncio.run(server.serve(sockets=[listening]))  # noqa: E731
        thread = threading.Thread(target=work)
        thread.start()
        served = Running(desk, listening.getsockname()[1])
        try:
            yield served
        finally:
            served.http.close()
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="module")
def server(indexed: Run) -> Iterator[Running]:
    limits = {"body_seconds": 0.6, "header_seconds": 0.6, "request_megabytes": 2, "inputs": 8}
    with serve_run(indexed.folder, **limits) as served:
        yield served


@pytest.fixture
def serving(indexed: Run) -> Serving:
    """(limits by name) -> a server, as a context."""
    return partial(serve_run, indexed.folder)


def serve_run(folder: Path, token: str | None = None, **limits: Any) -> Any:
    bounds = _limits(limits)
    return running(_opened([folder], "cpu", "float32", bounds), bounds, token)


WORDS = "how many are red"
SMALL = {
    "image": {"size": 16},
    "text": {"context_tokens": 12},
    "audio": {"seconds": 0.2, "mel_bins": 8},
    "video": {"size": 8, "frames": 4},
}


def untrained(task: str, known: Sequence[str], bounds: Limits, **more: Any) -> Served:
    """A model with random weights that has one task, whose name it bears."""
    tokenizer = Tokenizer.train([WORDS], TextConfig(vocabulary=300, context_tokens=12))
    data = bounds.for_data(DataConfig.model_validate(SMALL))
    torch.manual_seed(0)
    model = small_model(small_model_config("cross_attention", modalities=known))
    if "text" in known:
        model.encoders["text"].embedding = torch.nn.Embedding(tokenizer.size, 16)
    mixture = small_mixture(task, model=model)
    return Served(task, Predictor(mixture, build_modalities(data, tokenizer)), **more)


@pytest.fixture(scope="module")
def senses() -> Iterator[Running]:
    """A server of an untrained model that knows every modality."""
    bounds = _limits({"request_megabytes": 8, "seconds": 60})
    with running([untrained("classification", tuple(SMALL), bounds)], bounds) as served:
        yield served


def uri(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


@pytest.fixture(scope="session")
def picture(trained: Run) -> bytes:
    return (trained.folder.parent / "data" / "1.png").read_bytes()


def problem(response: httpx.Response) -> tuple[int, str, str]:
    """(status, type, message) of a refusal in the one form of all of them."""
    error = json.loads(response.text)["error"]
    assert error.keys() == {"type", "message", "request_id"}
    assert error["request_id"] == response.headers.get("x-request-id", error["request_id"])
    return response.status_code, error["type"], error["message"]


def until(true: Callable[[], bool]) -> None:
    for _ in range(6000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it never came to that")
