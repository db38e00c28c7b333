"""A trained model as the server holds it: what computes with it, and what clients are told.

Shapes: E embedding width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from sensorium.batch import Sample
from sensorium.deployment.embedder import Embedder
from sensorium.deployment.explain.seen import seen
from sensorium.deployment.index import SearchIndex
from sensorium.deployment.predictor import Predictor
from sensorium.deployment.server.batcher import Batcher
from sensorium.deployment.server.limits import Limits


@dataclass(frozen=True)
class Example:
    """A row that a client may try.

    Attributes:
        id: where it comes from.
        values: modality -> words, or the bytes of a file.
        files: modality -> the name of that file, where it has one.
    """

    id: str
    values: dict[str, str | bytes]
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Served:
    """One of the models.

    Attributes:
        name: what clients call it.
        predictor: answers rows.
        index: what can be searched with it, where it was indexed.
        examples: some rows to try.
        engine: what computes, in words.
        embedder: of models that have learned a common space.
        batcher: the queue in front of it, once `open` was called.
    """

    name: str
    predictor: Predictor
    index: SearchIndex | None = None
    examples: Sequence[Example] = ()
    engine: str = "float32 by PyTorch"
    embedder: Embedder | None = field(init=False)
    batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        known = "contrastive" in self.predictor.mixture.tasks
        self.embedder = Embedder(self.predictor.mixture, self.predictor.inputs) if known else None
        if self.index is not None and (self.embedder is None or not self.index.exists):
            self.index = None

    def open(self, limits: Limits, on_batch: Callable[[str, int, float], None]) -> None:
        """Start to compute; `on_batch` is told (kind, inputs, seconds) of every batch."""
        self.batcher = Batcher(
            self._computes(),
            queue=limits.queue,
            batch=limits.batch,
            singly=["explain"],
            wait_seconds=limits.batch_wait_milliseconds / 1000,
            on_batch=on_batch,
        )

    def facts(self, limits: Limits) -> dict[str, Any]:
        """What `/v1/models` says of it."""
        tasks: dict[str, Any] = {}
        for name, task in self.predictor.mixture.tasks.items():
            lists = {what: getattr(task, what, None) for what in ("classes", "answers")}
            tasks[name] = {what: names for what, names in lists.items() if names}
        space = None
        if self.embedder is not None:
            width = self.embedder.contrastive.width
            space = {"modalities": list(self.embedder.modalities), "width": width}
        return {
            "id": self.name,
            "object": "model",
            "owned_by": "sensorium",
            "engine": self.engine,
            "modalities": list(self.predictor.modalities),
            "tasks": tasks,
            "explain": True,
            "embeddings": space,
            "search": self.index is not None,
            "limits": limits.told(),
        }

    def _computes(self) -> dict[str, Callable[[Sequence[Any]], Sequence[Any]]]:
        computes: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {
            "predict": self.predictor.tell,
            "explain": self._explained,
        }
        if self.embedder is not None:
            for modality in self.embedder.modalities:
                computes[f"embed_{modality}"] = _embedding(self.embedder, modality)
        return computes

    def _explained(self, samples: Sequence[Sample]) -> Sequence[Any]:
        """Answers, each with what it rests on as `explanation`, and what was `seen` of it."""
        explain = self.predictor.explainer.explain
        told = zip(self.predictor.tell(samples), samples, strict=True)
        return [
            answer
            if "error" in answer
            else answer | {"explanation": explain(sample), "seen": seen(sample)}
            for answer, sample in told
        ]


def _embedding(
    embedder: Embedder, modality: str
) -> Callable[[Sequence[Sample]], Sequence[tuple[Tensor, int]]]:
    """Samples -> of each its unit vector [E] and how many tokens of text it has."""

    def embed(samples: Sequence[Sample]) -> Sequence[tuple[Tensor, int]]:
        tokens = [len(sample.values[modality]) * (modality == "text") for sample in samples]
        return list(zip(embedder.embed(samples, modality), tokens, strict=True))

    return embed
