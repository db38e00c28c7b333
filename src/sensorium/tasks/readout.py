"""What tasks read that say one thing of a sample: its one vector.

That is h of the fusion, or the encoding of one modality alone, as of a model with one encoder.
A sample is read where it has any modality that goes into the vector.

Shapes: B batch, K <= B samples that are read, D width of the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sensorium.batch import Batch
from sensorium.model import Model
from sensorium.tasks.claim import Claim, Encodings, Unit, views_with
from sensorium.tasks.task import Encoded, Task, TaskConfig


class ReadoutConfig(TaskConfig):
    """A task that reads one vector of a sample."""

    modality: str | None = None
    """Read the encoding of this modality alone. Left out: what the fusion makes of all of them; of
    a model without a fusion, the encoding of its only modality."""

    def problems(self, modalities: list[str]) -> Iterator[str]:
        if self.modality is not None and self.modality not in modalities:
            has = ", ".join(modalities) or "none"
            yield f"reads the modality {self.modality}, but model.encoders has only {has}"

    def problems_without_fusion(self, modalities: list[str]) -> Iterator[str]:
        if self.modality is None and len(modalities) > 1:
            yield (
                f"reads what is fused of {', '.join(modalities)}, but model.fusion is not set; set "
                f"it, or have one of them read, as in modality={modalities[0]}"
            )


class ReadoutTask(Task):
    """A task with a head on one vector of a sample.

    Attributes:
        modality: the one that is read; None where the fusion is.
        width: D.
    """

    reads_tokens: ClassVar[bool] = False

    def __init__(self, config: ReadoutConfig, model: Model) -> None:
        super().__init__()
        alone = next(iter(model.widths)) if model.fusion is None else None
        self.modality = config.modality or alone
        self.modalities = tuple(model.widths) if self.modality is None else (self.modality,)
        if self.modality is not None:
            self.width = model.widths[self.modality]
        else:
            assert model.fusion is not None, "without a fusion one modality is read"
            self.width = model.fusion.width

    def readable(self, batch: Batch) -> Bool[Tensor, " B"]:
        """Which samples have anything that goes into the vector."""
        there = [batch.inputs[m].present for m in self.modalities if m in batch.inputs]
        if not there:
            device = next(self.parameters()).device
            return torch.zeros(len(batch), dtype=torch.bool, device=device)
        return torch.stack(there).any(dim=0)

    def claim(
        self,
        model: Model,
        batch: Batch,
        said: Sequence[str],
        unit: Unit,
        judge: Callable[[Float[Tensor, "V D"], Int[Tensor, " V"]], Float[Tensor, " V"]],
        blind: Float[Tensor, " B"],
    ) -> list[Claim]:
        """What a head says of the vectors of a batch.

        Args:
            model: f.
            batch: B samples.
            said: of each that is readable, in words.
            unit: of the figures.
            judge: the vectors of V views, and the sample that each is of -> their figures.
            blind: the figure of each sample where nothing is seen.
        """
        readable = self.readable(batch)
        words = iter(said)

        def figure(encodings: Encodings, rows: Tensor) -> Tensor:
            every = torch.arange(len(rows), device=rows.device)
            judged = judge(self.read(model, Encoded(dict(encodings)), every), rows)
            return judged.where(views_with(encodings, self.modalities), blind[rows])

        told = [next(words) if there else None for there in readable.tolist()]
        return [Claim("", told, unit, self.modalities, figure)] if readable.any() else []

    def read(self, model: Model, encoded: Encoded, rows: Int[Tensor, " K"]) -> Float[Tensor, "K D"]:
        """The vectors of some samples."""
        if self.modality is not None:
            return encoded.encodings[self.modality].pooled.index_select(0, rows)
        return model.fuse({m: e.rows(rows) for m, e in encoded.encodings.items()}).vector


def fresh_head(width: int, outputs: int) -> nn.Linear:
    """A linear head that says nearly nothing yet."""
    head = nn.Linear(width, outputs)
    nn.init.normal_(head.weight, std=0.02)
    nn.init.zeros_(head.bias)
    return head
