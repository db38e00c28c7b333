"""Requests beside each other: gathered, bounded, given up."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from tests.deployment.server.conftest import Running, problem, until, uri


@dataclass
class Held:
    """A model that answers nothing until `go` is set.

    Attributes:
        taken: set once a batch has reached it.
        sizes: of the batches that it has answered.
    """

    server: Running
    taken: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    sizes: list[int] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return self.server.desk.model(None).batcher.waiting


@contextmanager
def holding(server: Running) -> Iterator[Held]:
    computes, held = server.desk.model(None).batcher._computes, Held(server)
    compute = computes["embed_text"]

    def slow(inputs):
        held.taken.set()
        held.go.wait(10)
        held.sizes.append(len(inputs))
        return compute(inputs)

    computes["embed_text"] = slow
    try:
        yield held
    finally:
        held.go.set()
        computes["embed_text"] = compute


def embed(server: Running, *texts: str, **more: object) -> httpx.Response:
    return server.http.post("/v1/embeddings", json={"input": list(texts), **more})


def test_requests_that_come_while_the_model_is_at_work_go_together(server):
    alone = [embed(server, f"a {n}").json()["data"][0]["embedding"] for n in range(6)]
    with holding(server) as held, ThreadPoolExecutor(8) as clients:
        first = clients.submit(embed, server, "first")
        assert held.taken.wait(5)
        others = [clients.submit(embed, server, f"a {n}") for n in range(6)]
        until(lambda: len(server.desk.model(None).batcher._queue) == 6)
        held.go.set()
        assert first.result().status_code == 200
        found = [other.result().json()["data"][0]["embedding"] for other in others]
    assert held.sizes == [1, 6]
    for one, other in zip(alone, found, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_full_queue_says_come_back(serving):
    with serving(queue=2, inputs=2) as server, holding(server) as held:
        with ThreadPoolExecutor(4) as clients:
            first = clients.submit(embed, server, "first")
            assert held.taken.wait(5)
            second = clients.submit(embed, server, "a", "b")
            until(lambda: held.waiting == 2)
            refused = embed(server, "c")
            assert problem(refused)[:2] == (429, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
            held.go.set()
            assert first.result().status_code == second.result().status_code == 200
        assert embed(server, "c").status_code == 200


def test_a_deadline_gives_up_and_empties_the_queue(server):
    with holding(server) as held, ThreadPoolExecutor(2) as clients:
        first = clients.submit(embed, server, "first")
        assert held.taken.wait(5)
        late = embed(server, "a", deadline_ms=100)
        assert problem(late)[:2] == (504, "deadline_exceeded")
        held.go.set()
        assert first.result().status_code == 200
        until(lambda: held.waiting == 0)
    assert held.sizes == [1]  # the late one never reached the model


def test_who_has_gone_is_not_answered(server):
    with holding(server) as held, ThreadPoolExecutor(2) as clients:
        first = clients.submit(embed, server, "first")
        assert held.taken.wait(5)
        with pytest.raises(httpx.ReadTimeout):
            server.http.post("/v1/embeddings", json={"input": "a"}, timeout=0.3)
        until(lambda: server.desk.under_way == 1)
        held.go.set()
        assert first.result().status_code == 200
        until(lambda: held.waiting == 0 and server.desk.under_way == 0)
    assert held.sizes == [1]


def test_a_token_is_asked_for(serving):
    with serving(token="secret") as server:
        for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}):
            for path in ("/v1/models", "/metrics", "/openapi.json"):
                refused = server.http.get(path, headers=shown)
                assert problem(refused)[:2] == (401, "unauthorized")
                assert refused.headers["www-authenticate"] == "Bearer"
        right = {"authorization": "Bearer secret"}
        assert server.http.get("/v1/models", headers=right).status_code == 200
        assert server.http.get("/healthz").status_code == 200


def test_while_it_drains_nothing_new_is_taken(serving):
    with serving() as server:
        server.desk.draining = True
        assert server.http.get("/readyz").status_code == 503
        assert server.http.get("/healthz").status_code == 200
        assert problem(embed(server, "a"))[:2] == (503, "unavailable")


def test_explanations_are_made_one_at_a_time(server, picture):
    before = server.counted("sensorium_batch_rows_count")
    row = {"text": "a red thing", "image": uri(picture)}
    assert server.predict(row, row, row, explain=True).status_code == 200
    assert server.counted("sensorium_batch_rows_count") - before == 3


def test_a_defect_is_told_in_the_one_form_and_no_more(server):
    computes = server.desk.model(None).batcher._computes
    compute = computes["embed_text"]

    def broken(inputs):
        raise ZeroDivisionError("of a secret")

    computes["embed_text"] = broken
    try:
        status, kind, said = problem(embed(server, "a"))
    finally:
        computes["embed_text"] = compute
    assert (status, kind) == (500, "internal")
    assert "secret" not in said
    assert embed(server, "a").status_code == 200
