"""The interface that every task shares: prepare, count, loss; predict, metrics.

A training step asks each task to `prepare` the batch (draw what is random, once for the whole
batch), to `count` its valid items, and, for every part of the batch that fits in memory, for its
`loss` as a sum. Sums over a count that is known beforehand make the gradient independent of how
the batch is cut: accumulated, spread over ranks or padded, it is the same.

Evaluation asks for `predict` on every batch, and for `metrics` on all predictions together; a
trained model in use is asked to `tell`.

Shapes: B samples of the batch, E embedding width, R and K of the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from sensorium.batch import Batch, Encoding
from sensorium.config import Config
from sensorium.model import Model
from sensorium.tasks.calibration import Calibration
from sensorium.tasks.claim import Claim
from sensorium.tasks.class_report import ClassReport
from sensorium.tasks.mistakes import Mistake
from sensorium.tasks.tally import Tally, figures_of

Told = dict[str, Any]
Said = TypeVar("Said")


class TaskConfig(Config):
    """What every task has."""

    weight: float = Field(1.0, ge=0)
    """Weight of its mean loss in the sum over tasks."""
    sources: list[str] | None = Field(None, min_length=1)
    """Names of the sets of `data.train` (and `validation`, `test`) that the task learns from and is
    judged on; left out, all. Of a set without a name every task learns."""

    @property
    def runs_encoders(self) -> bool:
        """Whether, so set, it runs encoders on inputs that it changes itself in every step."""
        return False

    def problems(self, modalities: list[str]) -> Iterator[str]:
        """Why a model of these modalities cannot learn the task, as in `needs the modality text`;
        nothing where it can."""
        yield from ()

    def problems_without_fusion(self, modalities: list[str]) -> Iterator[str]:
        """The same, of a model that has no fusion."""
        yield from ()


@dataclass
class Encoded:
    """What one forward pass has computed so far, shared by all tasks of the step.

    Attributes:
        encodings: modality -> `Encoding`, each computed once.
        embeddings: modality -> [B, E] unit vectors in one space, without gradient; filled by
            `contrastive` for whoever comes after it.
    """

    encodings: dict[str, Encoding]
    embeddings: dict[str, Tensor] = field(default_factory=dict)

    def keep(self, kept: Bool[Tensor, " B"]) -> Encoded:
        """The same, in which only the samples that `kept` holds true have anything."""
        return Encoded({m: e.keep(kept) for m, e in self.encodings.items()}, self.embeddings)

    def similarity(
        self, pair: tuple[str, str], queries: Int[Tensor, " R"], candidates: Int[Tensor, " K"]
    ) -> Float[Tensor, "R K"] | None:
        """Cosine similarity of the first modality of some samples to the second of others; None
        where the two have no place in one space."""
        a, b = (self.embeddings.get(modality) for modality in pair)
        if a is None or b is None:
            return None
        return a.index_select(0, queries) @ b.index_select(0, candidates).T


@dataclass(frozen=True)
class Loss:
    """A task's loss over (a part of) a batch.

    Attributes:
        total: scalar, the sum over its valid items.
        correct: scalar, how many of them were predicted rightly, for the log.
    """

    total: Tensor
    correct: Tensor


class Task(nn.Module):
    """y = g(h): a head, its loss, its predictions and their metrics.

    Attributes:
        needs_fusion: whether the model must have a fusion.
        needs_fused_tokens: whether the fusion must keep its tokens.
        reads_fused: the modality whose fused tokens it then reads.
        reads_tokens: whether it reads single tokens of an encoding by itself.
        targets: fields of targets, of which it learns one; none for a task without.
        reads_encodings: whether it reads what is shared of the whole samples; where no task does,
            that is not computed.
        reads_places: whether it learns where something is in a picture, so that no patch may be
            dropped, and no picture bent at random.
        needs_data: modalities that it needs of the data, though the model may have no encoder for
            them.
        looks_across_ranks: whether its loss compares the samples of all ranks, so that every one
            of them has to compute it, also without items of its own.
    """

    needs_fusion: ClassVar[bool] = False
    needs_fused_tokens: ClassVar[bool] = False
    reads_fused: ClassVar[str] = "text"
    reads_tokens: ClassVar[bool] = True
    targets: ClassVar[tuple[str, ...]] = ()
    reads_encodings: ClassVar[bool] = True
    reads_places: ClassVar[bool] = False
    needs_data: ClassVar[tuple[str, ...]] = ()
    looks_across_ranks: ClassVar[bool] = False

    @property
    def reads_shared(self) -> bool:
        """Whether it reads, in training or in evaluation as it is set now, what is shared of the
        whole samples."""
        return self.reads_encodings

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Draw what this task hides or shuffles, once for the whole batch."""
        return batch

    def count(self, batch: Batch) -> int:
        """Valid items of a prepared batch: what the sum of its losses is divided by."""
        raise NotImplementedError

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        """The loss over all items of `batch`, summed."""
        raise NotImplementedError

    def can_predict(self, batch: Batch) -> bool:
        """Whether a prepared batch holds anything to judge the task by."""
        return self.count(batch) > 0

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """What `metrics` needs of this batch: name -> tensor whose first axis is items."""
        raise NotImplementedError

    def metrics(self, predictions: Mapping[str, Tensor]) -> dict[str, Any]:
        """Figures from the predictions of all batches, joined along their first axis."""
        return self.figures(predictions, self.tallies(predictions))

    def figures(
        self, predictions: Mapping[str, Tensor], tallies: Mapping[str, Tally]
    ) -> dict[str, Any]:
        """The same, where the tallies are taken already: theirs, and those that have none."""
        return figures_of(tallies)

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Those of the figures that are functions of sums over samples, by the same names, so that
        they can have an interval and be compared with another model's sample by sample."""
        return {}

    def class_report(self, predictions: Mapping[str, Tensor]) -> ClassReport | None:
        """How well each class is told, of a task that tells classes."""
        return None

    def calibration(self, predictions: Mapping[str, Tensor]) -> Calibration | None:
        """How far its probabilities can be believed, of a task that gives each answer one."""
        return None

    def mistakes(self, predictions: Mapping[str, Tensor], most: int) -> list[Mistake]:
        """So many of the samples that it is most wrong about, the worst first."""
        return []

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """What a person is told of each of the B samples, without any target: plain values by
        name, as in `{"label": "cat", "probability": 0.9}`; None where there is nothing to say."""
        return [None] * len(batch)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The same, as figures that can be asked of other views of these B samples, so that it can
        be explained; nothing where nothing is said of any."""
        return []


def told_of(samples: int, rows: Tensor, told: Sequence[Said]) -> list[Said | None]:
    """What is told of some samples, `rows` [K], among None for the others."""
    everyone: list[Said | None] = [None] * samples
    for row, one in zip(rows.tolist(), told, strict=True):
        everyone[row] = one
    return everyone


def likeliest(names: Sequence[str], probabilities: Tensor, most: int | None = None) -> Told:
    """Name -> probability, the likeliest first.

    Args:
        names: N of them.
        probabilities: [N].
        most: how many are named; None names all.
    """
    best = probabilities.sort(descending=True, stable=True)
    found = zip(best.values.tolist()[:most], best.indices.tolist()[:most], strict=True)
    return {names[index]: as_figure(probability) for probability, index in found}


def as_figure(value: float) -> float:
    """A float for people and JSON: six digits are more than any model knows."""
    return float(f"{value:.6g}")
