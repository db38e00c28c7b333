"""Several tasks on one model: each encoding of a step is computed once and shared by all.

    loss = sum over tasks t of weight_t * (sum of t's losses) / (count of t's items)

A task that is given sources sees a batch in which the samples of all others have nothing; that is
done here, once, for every task.

Shapes: B samples of a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from sensorium import ranks
from sensorium.batch import Batch, Encoding
from sensorium.model import Model
from sensorium.tasks.claim import Claim
from sensorium.tasks.task import Encoded, Loss, Task, Told


class Mixture(nn.Module):
    """A model, and the weighted tasks that it learns from.

    Args:
        model: f.
        tasks: name -> task; one that uses what another shares (matching: the similarities of
            contrastive) comes after it.
        weights: name -> weight of the task's mean loss.
        sources: name -> the sources that the task is restricted to; a task without is not.
    """

    def __init__(
        self,
        model: Model,
        tasks: Mapping[str, Task],
        weights: Mapping[str, float],
        sources: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.tasks: Mapping[str, Task] = nn.ModuleDict(tasks)  # type: ignore[assignment]
        self.weights = dict(weights)
        self.sources = dict(sources or {})

    @property
    def reads_tokens(self) -> bool:
        """Whether anything reads single tokens of an encoding, and not its pooled vector alone."""
        tasks = self.tasks.values()
        return self.model.fusion is not None or any(task.reads_tokens for task in tasks)

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Let every task draw what it hides or marks, once for the whole batch."""
        for name, task in self.tasks.items():
            kept = self._kept(name, batch)
            if kept is None:
                batch = task.prepare(batch, generator)
            else:
                prepared = task.prepare(self.seen_by(name, batch), generator)
                inputs, targets = prepared.inputs | batch.inputs, prepared.targets | batch.targets
                batch = replace(batch, inputs=inputs, targets=targets)
        return batch

    def counts(self, batch: Batch) -> dict[str, int]:
        """Valid items of each task in a prepared batch; a task without any is left out."""
        counts = {name: task.count(self.seen_by(name, batch)) for name, task in self.tasks.items()}
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
        own = self.counts(batch)
        chosen = {
            name: task
            for name, task in self.tasks.items()
            if name in own or (task.looks_across_ranks and ranks.count() > 1 and name in across)
        }
        encoded = Encoded(self._encode(chosen.values(), batch, generator))
        losses = {}
        for name, task in chosen.items():
            kept = self._kept(name, batch)
            seen = encoded if kept is None else encoded.keep(kept)
            losses[name] = task.loss(self.model, seen, self.seen_by(name, batch), generator)
        return losses

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
        encodings = self._encode(self.tasks.values(), batch, None)
        before = after = generator.get_state()
        predictions = []
        for number, hidden in enumerate(withheld):
            generator.set_state(before)
            encoded = Encoded({m: e for m, e in encodings.items() if m not in hidden})
            predictions.append(self._predict(encoded, batch.without(*hidden), generator))
            after = generator.get_state() if number == 0 else after
        generator.set_state(after)  # what is drawn next does not depend on how much was withheld
        return predictions, encodings

    def _encode(
        self, tasks: Iterable[Task], batch: Batch, generator: torch.Generator | None
    ) -> dict[str, Encoding]:
        """What the tasks share; nothing where none of them reads it."""
        read = any(task.reads_shared for task in tasks)
        return self.model.encode(batch, generator) if read else {}

    def tell(self, batch: Batch) -> list[dict[str, Told]]:
        """What a person is told of each of the B samples: task -> plain values by name."""
        encoded = Encoded(self._encode(self.tasks.values(), batch, None))
        told: list[dict[str, Told]] = [{} for _ in range(len(batch))]
        for name, task in self.tasks.items():
            for one, said in zip(told, task.tell(self.model, encoded, batch), strict=True):
                if said is not None:
                    one[name] = said
        return told

    def claims(self, batch: Batch, encoded: Encoded) -> dict[str, Claim]:
        """What can be explained of the B samples that were encoded: name -> claim.

        It is named by its task, and `task/pair` where the task says a thing of each of several.
        """
        return {
            f"{name}/{claim.about}" if claim.about else name: claim
            for name, task in self.tasks.items()
            for claim in task.claims(self.model, encoded, batch)
        }

    def _predict(
        self, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, dict[str, Tensor]]:
        predictions = {}
        for name, task in self.tasks.items():
            seen = self.seen_by(name, batch)
            if task.can_predict(seen):
                kept = self._kept(name, batch)
                of_task = encoded if kept is None else encoded.keep(kept)
                predictions[name] = task.predict(self.model, of_task, seen, generator)
        return predictions

    def seen_by(self, name: str, batch: Batch) -> Batch:
        """The batch in which only samples of a task's sources have anything."""
        kept = self._kept(name, batch)
        if kept is None:
            return batch
        return batch.keep(dict.fromkeys([*batch.inputs, *batch.encodings], kept))

    def _kept(self, name: str, batch: Batch) -> Bool[Tensor, " B"] | None:
        """Which samples a task may see; None: all of them."""
        if name not in self.sources or not batch.sources:
            return None
        kept = [not source or source in self.sources[name] for source in batch.sources]
        device = next(self.model.parameters()).device
        return None if all(kept) else torch.tensor(kept, device=device)
