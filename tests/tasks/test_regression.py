"""Regression: in deviations while it learns, in the number's own unit when it is judged."""

import math

import pytest
import torch
import torch.nn.functional as F
from tests.conftest import LEARNED, small_batch

from sensorium.model import Model
from sensorium.tasks.regression import Regression, RegressionConfig
from sensorium.tasks.task import Encoded


def regression(model: Model, **config) -> Regression:
    torch.manual_seed(1)
    return Regression(RegressionConfig(**config), model, LEARNED).eval()


@pytest.mark.parametrize(("loss", "measure"), [("squared", F.mse_loss), ("huber", F.huber_loss)])
def test_the_loss_is_measured_in_deviations(model, generator, loss, measure):
    task, batch = regression(model, loss=loss), small_batch(5)
    batch.targets["number"][:2] = torch.tensor([30.0, math.nan])
    assert task.count(batch) == 4
    found = task.loss(model, Encoded(model.encode(batch)), batch, generator)
    said = task.head(model(batch).fused.vector)[:, 0]
    truth = (batch.targets["number"] - 3) / 2
    kept = [0, 2, 3, 4]
    torch.testing.assert_close(found.total, measure(said[kept], truth[kept], reduction="sum"))
    assert found.correct == ((said - truth).abs()[kept] < 0.5).sum()


def test_a_fresh_head_says_the_mean(model, generator):
    task, batch = regression(model), small_batch(4)
    torch.nn.init.zeros_(task.head.weight)
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    assert predicted["said"].tolist() == [3.0] * 4
    assert torch.equal(predicted["truth"], batch.targets["number"])


def test_mean_and_deviation_are_kept_with_the_weights(model):
    state = regression(model).state_dict()
    assert state["mean"] == 3.0
    assert state["deviation"] == 2.0


def test_figures(model):
    said, truth = torch.tensor([1.0, 2, 5]), torch.tensor([1.0, 4, 4])
    figures = regression(model).metrics({"said": said, "truth": truth})
    assert figures["mae"] == pytest.approx(1.0)
    assert figures["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert figures["r2"] == pytest.approx(1 - 5 / 6)
    assert figures["mae_mean"] == pytest.approx(4 / 3)
    assert figures["rmse_mean"] == pytest.approx(math.sqrt(2))
    alike = regression(model).metrics({"said": said, "truth": torch.full((3,), 2.0)})
    assert "r2" not in alike  # nothing varies that could be explained
