"""Several tasks on one model: each encoding of a step is computed once and shared by all.

loss = sum over tasks t of weight_t * (sum of t's losses) / (count of t's items)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from sensorium import ranks
from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.task import Encoded, Loss, Task


class Mixture(nn.Module):
    """A model, and the weighted tasks that it learns from.

    Args:
        model: f.
        tasks: name -> task; one that uses what another shares (matching: the similarities of
            contrastive) comes after it.
        weights: name -> weight of the task's mean loss.
    """

    def __init__(
        self, model: Model, tasks: Mapping[str, Task], weights: Mapping[str, float]
    ) -> None:
        super().__init__()
        self.model = model
        self.tasks: Mapping[str, Task] = nn.ModuleDict(tasks)  # type: ignore[assignment]
        self.weights = dict(weights)

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Let every task draw what it hides or marks, once for the whole batch."""
        for task in self.tasks.values():
            batch = task.prepare(batch, generator)
        return batch

    def counts(self, batch: Batch) -> dict[str, int]:
        """Valid items of each task in a prepared batch; a task without any is left out."""
        counts = {name: task.count(batch) for name, task in self.tasks.items()}
        return {name: count for name, count in counts.items() if count}

    def forward(
        self, batch: Batch, generator: torch.Generator, across: Collection[str] = ()
    ) -> dict[str, Loss]:
        """The summed loss of each task that has items in (this part of) a prepared batch.

        Args:
            batch: prepared.
            generator: on the batch's device.
            across: of several ranks: the tasks that have items on any of them. Those that look
                across ranks are computed even where this rank has none.
        """
        encoded = Encoded(self.model.encode(batch, generator))
        own = self.counts(batch)
        return {
            name: task.loss(self.model, encoded, batch, generator)
            for name, task in self.tasks.items()
            if name in own or (task.looks_across_ranks and ranks.count() > 1 and name in across)
        }

    def predict(
        self,
        batch: Batch,
        generator: torch.Generator,
        withheld: Sequence[Collection[str]] = ((),),
    ) -> tuple[list[dict[str, dict[str, Tensor]]], dict[str, Encoding]]:
        """What each task's metrics need of this batch, and the encodings they came from.

        Args:
            batch: as loaded.
            generator: draws hidden words and wrong partners, the same whatever is withheld.
            withheld: for each prediction, the modalities that the tasks do not get to see.

        Returns:
            For each of `withheld`, task -> predictions, without the tasks that cannot be asked
            then; and the encodings, each computed once.
        """
        batch = self.prepare(batch, generator)
        encodings = self.model.encode(batch)
        before = after = generator.get_state()
        predictions = []
        for number, hidden in enumerate(withheld):
            generator.set_state(before)
            encoded = Encoded({m: e for m, e in encodings.items() if m not in hidden})
            seen = batch.without(*hidden)
            predictions.append(
                {
                    name: task.predict(self.model, encoded, seen, generator)
                    for name, task in self.tasks.items()
                    if task.can_predict(seen)
                }
            )
            after = generator.get_state() if number == 0 else after
        generator.set_state(after)  # what is drawn next does not depend on how much was withheld
        return predictions, encodings
