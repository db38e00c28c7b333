"""Regression: how much is it?

    y = mean + deviation (w h + b)        loss = sum over samples of l((y - y_true) / deviation)

Mean and deviation are those of the rows to train on, so that the head starts at a fair guess
whatever the unit is; they are kept with the weights. l is the square, or Huber's loss, which is
linear beyond one deviation and so less moved by outliers.

Shapes: B batch, K <= B samples with a number and something to read it from, D width of h.

Source: section 4.3 of the document (downstream tasks); Huber 1964.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from sensorium.batch import Batch, Learned
from sensorium.model import Model
from sensorium.tasks.claim import Claim
from sensorium.tasks.mistakes import Mistake, mistakes_of_numbers
from sensorium.tasks.readout import ReadoutConfig, ReadoutTask, fresh_head
from sensorium.tasks.tally import ROWS, Tally, mean_of, ratio, rows_of, tally
from sensorium.tasks.task import Encoded, Loss, Told, as_figure, told_of

CLOSE = 0.5
"""Deviations within which a number counts as right in the training log."""


class RegressionConfig(ReadoutConfig):
    """The number of a sample, by `data.fields.number`."""

    loss: Literal["squared", "huber"] = "squared"
    """The square of the error, or Huber's loss, for numbers with outliers."""


class Regression(ReadoutTask):
    """A linear head on the vector of a sample.

    Args:
        learned: of the target `number`.
    """

    targets: ClassVar[tuple[str, ...]] = ("number",)

    def __init__(
        self, config: RegressionConfig, model: Model, learned: Mapping[str, Learned]
    ) -> None:
        super().__init__(config, model)
        self.squared = config.loss == "squared"
        self.mean: Tensor
        self.deviation: Tensor
        for name in ("mean", "deviation"):
            self.register_buffer(name, torch.tensor(getattr(learned["number"], name)))
        self.head = fresh_head(self.width, 1)

    def count(self, batch: Batch) -> int:
        return len(self._items(batch))

    def loss(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> Loss:
        rows = self._items(batch)
        said = self._standardised(model, encoded, rows)
        truth = (batch.targets["number"].index_select(0, rows) - self.mean) / self.deviation
        measure = F.mse_loss if self.squared else F.huber_loss
        close = (said - truth).abs() < CLOSE
        return Loss(measure(said, truth, reduction="sum"), close.sum())

    def predict(
        self, model: Model, encoded: Encoded, batch: Batch, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The numbers, in their own unit, and the truth."""
        rows = self._items(batch)
        said = self.mean + self.deviation * self._standardised(model, encoded, rows)
        truth = batch.targets["number"].index_select(0, rows)
        return {ROWS: rows, "said": said, "truth": truth}

    def tallies(self, predictions: Mapping[str, Tensor]) -> dict[str, Tally]:
        """Mean absolute error, root of the mean square, and R2, the share of the variance that is
        explained; and the first two of the mean of the rows to train on."""
        said, truth = predictions["said"].double(), predictions["truth"].double()
        rows, one = rows_of(predictions, len(said)), torch.ones_like(said)
        error, blind = said - truth, self.mean.cpu() - truth
        tallies = {
            "mae": mean_of(rows, error.abs()),
            "rmse": tally(rows, error.square(), one, formula=_root),
        }
        apart = truth - truth.mean()
        if (apart != 0).any():
            terms = error.square(), apart.square(), apart, one
            tallies["r2"] = tally(rows, *terms, formula=_explained)
        return tallies | {
            "mae_mean": mean_of(rows, blind.abs()),
            "rmse_mean": tally(rows, blind.square(), one, formula=_root),
        }

    def mistakes(self, predictions: Mapping[str, Tensor], most: int) -> list[Mistake]:
        said, truth = predictions["said"], predictions["truth"]
        return mistakes_of_numbers(rows_of(predictions, len(said)), said, truth, most)

    def tell(self, model: Model, encoded: Encoded, batch: Batch) -> list[Told | None]:
        """The number, in its own unit."""
        rows = self.readable(batch).nonzero()[:, 0]
        if not len(rows):
            return [None] * len(batch)
        said = self.mean + self.deviation * self._standardised(model, encoded, rows)
        return told_of(
            len(batch), rows, [{"number": as_figure(number)} for number in said.tolist()]
        )

    def claims(self, model: Model, encoded: Encoded, batch: Batch) -> list[Claim]:
        """How far the number is from the mean, in deviations."""
        rows = self.readable(batch).nonzero()[:, 0]
        if not len(rows):
            return []
        numbers = self.mean + self.deviation * self._standardised(model, encoded, rows)
        said = [f"{number:.6g}" for number in numbers.tolist()]
        mean = torch.zeros(len(batch), device=rows.device)
        return self.claim(
            model, batch, said, "deviations", lambda x, _: self.head(x).float()[:, 0], mean
        )

    def _standardised(
        self, model: Model, encoded: Encoded, rows: Int[Tensor, " K"]
    ) -> Float[Tensor, " K"]:
        """What the head says, in deviations from the mean."""
        return self.head(self.read(model, encoded, rows)).float()[:, 0]

    def _items(self, batch: Batch) -> Int[Tensor, " K"]:
        """The samples that can be learned from."""
        truth = batch.targets.get("number")
        if truth is None:
            return torch.zeros(0, dtype=torch.long)
        return (~truth.isnan() & self.readable(batch)).nonzero()[:, 0]


def _root(sums: Float[Tensor, "*R 2"]) -> Float[Tensor, "*R"]:
    """Of the mean of squares."""
    return ratio(sums).sqrt()


def _explained(sums: Float[Tensor, "*R 4"]) -> Float[Tensor, "*R"]:
    """Share of the variance, from the sums of squared errors, of the truth squared, of the truth,
    and of ones; the truth less any constant."""
    errors, squares, truth, count = sums.unbind(dim=-1)
    return 1 - errors / (squares - truth.square() / count)
