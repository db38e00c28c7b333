"""Classification: which class is it, or which of several are there?

    p(c | x) = softmax(W h + b)_c         loss = - sum over samples of w_c log p(c | x)
    p(c | x) = sigmoid(W h + b)_c         loss = - sum over samples of the mean over c of
                                                   w_c y_c log p_c + (1 - y_c) log (1 - p_c)

The second form is that of `labels`, several classes at once. The weights w are 1, or such that
every class counts alike, however often it comes (`class_weights: balanced`).

With `mixup` or `cutmix` a sample in training is made of two, and is of both their classes
(`mixing.py`); the loss of the first form is then - sum over samples and c of w_c y_c log p(c | x).

Shapes: B batch, K <= B samples with a label and something to read it from, C classes, D width of h.

Source: section 4.3 of the document (downstream tasks); King and Zeng 2001 (balanced weights);
Szegedy et al. 2016 (label smoothing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from sensorium.batch import Batch, Learned
from sensorium.model import Model
from sensorium.tasks.calibration import Calibration, calibrate
from sensorium.tasks.claim import Claim, log_odds, prior_log_odds
from sensorium.tasks.class_figures import (
    mean_average_precision,
    one_class_f1,
    one_class_tallies,
    several_classes_tallies,
)
from sensorium.tasks.class_report import ClassReport, report_of_one, report_of_several
from sensorium.tasks.mistakes import Mistake, mistakes_of_names, mistakes_of_several
from sensorium.tasks.mixing import MIXED, Mixing
from sensorium.tasks.readout import ReadoutConfig, ReadoutTask, fresh_head
from sensorium.tasks.tally import ROWS, Tally, figures_of, rows_of
from sensorium.tasks.task import Encoded, Loss, Told, likeliest, told_of

MIXED_UP, CUT = ("image", "audio"), ("image",)
"""Modalities that mixup and CutMix know how to mix."""

MIXED_TRUTH = "classes of mixed samples"  # in a prepared batch's targets: shares [B, C]


class ClassificationConfig(ReadoutConfig):
    """The class of a sample, by `data.fields.label`, or its classes, by `data.fields.labels`."""

    class_weights: Literal["balanced"] | None = None
    """`balanced`: a class weighs the more, the fewer rows to train on it has."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the truth that is spread over all classes."""
    mixup: float | None = Field(None, gt=0)
    """In training, blend each sample with another, in shares drawn from Beta(mixup, mixup), and
    their classes too: 0.2 seldom blends much, 1 evenly. Of pictures and sounds."""
    cutmix: float | None = Field(None, gt=0)
    """The same with a box out of another picture, whose area is drawn so; 1 is usual. With both,
    each sample is mixed by one of them."""

    @property
    def mixes(self) -> bool:
        """Whether samples are mixed in training."""
        return self.mixup is not None or self.cutmix is not None

    @property
    def runs_encoders(self) -> bool:
        return self.mixes

    def problems(self, modalities: list[str]) -> Iterator[str]:
        yield from super().problems(modalities)
        read = modalities if self.modality is None else [self.modality]
        for way, known in (("mixup", MIXED_UP), ("cutmix", CUT)):
            others = [modality for modality in read if modality not in known]
            if getattr(self, way) is not None and others:
                yield (
                    f"mixes {' and '.join(known)} by {way}, but it reads {', '.join(others)} too; "
                    f"leave {way} out, or have only one modality read, as in modality={known[0]}"
                )


class Classification(ReadoutTask):
    """A linear head on the vector of a sample.

    Args:
        learned: of `label`, or of `labels` where several classes may be there at once.

    Attributes:
        target: which of the two it learns.
        classes: their names, in the order of their indices.
    """

    targets: ClassVar[tuple[str, ...]] = ("label", "labels")

    def __init__(
        self, config: ClassificationConfig, model: Model, learned: Mapping[str, Learned]
    ) -> None:
        super().__init__(config, model)
        self.target = "labels" if "labels" in learned else "label"
        known = learned[self.target]
        self.classes = list(known.names)
        self.smoothing = config.label_smoothing
        self.mixing = Mixing(config.mixup, config.cutmix) if config.mixes else None
        self.rows: Tensor
        self.register_buffer("rows", torch.tensor(known.rows), persistent=False)
        self.weights: Tensor
        balanced = config.class_weights == "balanced"
        self.register_buffer(
            "weights", self._balanced(known.total) if balanced else None, persistent=False
        )
        self.total = known.total
        self.head = fresh_head(self.width, len(self.classes))

    @property
    def reads_shared(self) -> bool:
        return self._mixing_now is None

    @property
    def _mixing_now(self) -> Mixing | None:
        return self.mixing if self.training else None

    def prepare(self, batch: Batch, generator: torch.Generator) -> Batch:
        """In training, add the mixed inputs and of which classes they are."""
        rows = self._items(batch)
        if self._mixing_now is None or not len(rows):
            return batch
        usable = torch.zeros(len(batch), dtype=torch.bool, device=rows.device)
        usable[rows] = True
        truth = batch.targets[self.target]
        if self.target == "label":
            truth = F.one_hot(truth.clamp(min=0), len(self.classes)).float()
        inputs, truth = self._mixing_now.mix(batch, self.modalities, usable, truth, generator)
        return replace(
            batch,
            inputs=batch.inputs | {MIXED + m: mixed for m, mixed in inputs.items()},
            targets=batch.targets | {MIXED_TRUTH: truth},
        )

    def count(self, batch: Batch) -> int:
        return len(self._items(batch))

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = self._items(batch)
        if self._mixing_now is None:
            vectors = self.read(model, encoded, rows)
            truth = batch.targets[self.target].index_select(0, rows)
        else:
            vectors = self._read_mixed(model, batch, rows, generator)
            truth = batch.targets[MIXED_TRUTH].index_select(0, rows)
        logits = self.head(vectors).float()
        if self.target == "label":
            loss = F.cross_entropy(
                logits, truth, self.weights, reduction="sum", label_smoothing=self.smoothing
            )
            said = logits.argmax(dim=1)
            mixed = truth.is_floating_point()
            return Loss(loss, (truth.gather(1, said[:, None]) if mixed else said == truth).sum())
        smooth = truth + self.smoothing * (0.5 - truth)
        every = F.binary_cross_entropy_with_logits(
            logits, smooth, pos_weight=self.weights, reduction="sum"
        )
        right = torch.where(logits > 0, truth, 1 - truth).double().mean(dim=1).sum()
        return Loss(every / len(self.classes), right)

    def _read_mixed(
        self, model: Model, batch: Batch, rows: Int[Tensor, " K"], generator: torch.Generator
    ) -> Float[Tensor, "K D"]:
        """The vectors of some samples, as they are mixed."""
        there = [modality for modality in self.modalities if modality in batch.inputs]
        inputs = {modality: batch.inputs[MIXED + modality].rows(rows) for modality in there}
        mixed = Batch([batch.ids[row] for row in rows.tolist()], inputs)
        encoded = Encoded(model.encode(mixed, generator))
        return self.read(model, encoded, torch.arange(len(rows), device=rows.device))

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The log-odds of every class, and the truth."""
        rows = self._items(batch)
        logits = self.head(self.read(model, encoded, rows)).float()
        truth = batch.targets[self.target].index_select(0, rows)
        return {ROWS: rows, "logits": logits, "truth": truth}

    def figures(
        self, predictions: Mapping[str, Tensor], tallies: Mapping[str, Tally]
    ) -> dict[str, Any]:
        figures = figures_of(tallies)
        logits, truth = predictions["logits"], predictions["truth"]
        if self.target == "labels":
            figures["average_precision"] = mean_average_precision(logits, truth.bool())
        elif "f1_macro" not in figures:
            figures["f1_macro"] = one_class_f1(logits, truth)
        calibration = self.calibration(predictions)
        if calibration is not None:
            figures["calibration_error"] = calibration.error
        return figures

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        logits, truth, rows = predictions["logits"], predictions["truth"], self.rows.cpu()
        samples = rows_of(predictions, len(logits))
        if self.target == "label":
            return one_class_tallies(samples, logits, truth, rows)
        return several_classes_tallies(samples, logits > 0, truth.bool(), rows, self.total)

    def class_report(self, predictions: Mapping[str, Tensor]) -> ClassReport:
        logits, truth = predictions["logits"], predictions["truth"]
        if self.target == "label":
            return report_of_one(self.classes, logits.argmax(dim=1), truth)
        return report_of_several(self.classes, logits, logits > 0, truth.bool())

    def calibration(self, predictions: Mapping[str, Tensor]) -> Calibration | None:
        """Of one class for each sample."""
        if self.target == "labels":
            return None
        best = predictions["logits"].softmax(dim=1).max(dim=1)
        return calibrate(best.values, best.indices == predictions["truth"])

    def mistakes(self, predictions: Mapping[str, Tensor], most: int) -> list[Mistake]:
        logits, truth = predictions["logits"], predictions["truth"]
        rows = rows_of(predictions, len(logits))
        if self.target == "labels":
            sure = logits.sigmoid()
            return mistakes_of_several(rows, sure, truth.bool(), self.classes, most)
        best = logits.softmax(dim=1).max(dim=1)
        return mistakes_of_names(rows, best.indices, truth, best.values, self.classes, most)

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The likeliest class, or those that are likelier there than not, and all probabilities."""
        rows = self.readable(batch).nonzero()[:, 0]
        if not len(rows):
            return [None] * len(batch)
        logits = self.head(self.read(model, encoded, rows)).float()
        one = self.target == "label"
        named = [
            likeliest(self.classes, probabilities)
            for probabilities in (logits.softmax(dim=1) if one else logits.sigmoid())
        ]
        told: list[Told] = []
        for probabilities in named:
            if one:
                label = next(iter(probabilities))
                said: Told = {"label": label, "probability": probabilities[label]}
            else:
                said = {"labels": [name for name, p in probabilities.items() if p > 0.5]}
            told.append(said | {"probabilities": probabilities})
        return told_of(len(batch), rows, told)

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """The likeliest class, of several at once too."""
        rows = self.readable(batch).nonzero()[:, 0]
        if not len(rows) or len(self.classes) < 2:
            return []
        logits = self.head(self.read(model, encoded, rows))
        best = logits.argmax(dim=1)
        chosen = rows.new_zeros(len(batch)).index_copy(0, rows, best)

        def judge(vectors: Tensor, samples: Tensor) -> Tensor:
            logits, classes = self.head(vectors).float(), chosen[samples]
            if self.target == "label":
                return log_odds(logits, classes)
            return logits.gather(1, classes[:, None])[:, 0]

        said = [self.classes[number] for number in best.tolist()]
        return self.claim(model, batch, said, "log-odds", judge, self._prior()[chosen])

    def _prior(self) -> Float[Tensor, " C"]:
        """The log-odds of each class by its rows to train on."""
        if self.target == "label":
            return prior_log_odds(self.rows)
        return ((self.rows + 1) / (self.total - self.rows + 1)).log()

    def _items(self, batch: Batch) -> Int[Tensor, " K"]:
        """The samples that can be learned from."""
        truth = batch.targets.get(self.target)
        if truth is None:
            return torch.zeros(0, dtype=torch.long)
        known = truth >= 0 if self.target == "label" else ~truth.isnan().any(dim=1)
        return (known & self.readable(batch)).nonzero()[:, 0]

    def _balanced(self, total: int) -> Tensor:
        """Of one class: total / (C n_c), whose mean over the rows is 1. Of several at once: rows
        without the class over rows with it."""
        counts = self.rows.double()
        one = self.target == "label"
        weights = total / (len(counts) * counts) if one else (total - counts) / counts
        return torch.where(counts > 0, weights, 1.0).float()
