"""Figures of the server, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counters in a registry of their own, so that several servers can live in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "sensorium_requests",
            "Requests by path and status code.",
            ("path", "code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "sensorium_request_seconds",
            "From the head of a request to the end of its answer.",
            ("path",),
            buckets=SECONDS,
            registry=registry,
        )
        self._batch_rows = Histogram(
            "sensorium_batch_rows",
            "Inputs that went through a model together.",
            ("model", "kind"),
            buckets=ROWS,
            registry=registry,
        )
        self._batch_seconds = Histogram(
            "sensorium_batch_seconds",
            "What a pass through a model took.",
            ("model", "kind"),
            buckets=SECONDS,
            registry=registry,
        )
        self._queue = Gauge(
            "sensorium_queue_rows", "Inputs that wait for a model.", ("model",), registry=registry
        )
        self._under_way = Gauge(
            "sensorium_requests_under_way", "Requests not answered yet.", registry=registry
        )
        self._held = Gauge(
            "sensorium_body_bytes", "Bodies of requests in memory.", registry=registry
        )

    def request(self, path: str, code: int, seconds: float) -> None:
        """A request was answered; the path is that of a route, not what a client made up."""
        self._requests.labels(path, str(code)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, model: str) -> Callable[[str, int, float], None]:
        """What is told (kind, inputs, seconds) of every batch of a model."""

        def told(kind: str, rows: int, seconds: float) -> None:
            self._batch_rows.labels(model, kind).observe(rows)
            self._batch_seconds.labels(model, kind).observe(seconds)

        return told

    def watch_queue(self, model: str, waiting: Callable[[], int]) -> None:
        """Where the depth of a model's queue is to be read."""
        self._queue.labels(model).set_function(waiting)

    def watch_requests(self, under_way: Callable[[], int], held: Callable[[], int]) -> None:
        """Where the requests under way, and the bytes of their bodies, are to be read."""
        self._under_way.set_function(under_way)
        self._held.set_function(held)

    def text(self) -> bytes:
        """In the text format 0.0.4."""
        return generate_latest(self.registry)
