"""Whatever a task says of sums over samples is the figure that it gives, whoever is absent."""

import re

import pytest
import torch
from tests.conftest import small_batch, small_mixture, small_model, small_model_config

from sensorium.encoders import ENCODERS
from sensorium.evaluation.evaluate import EvaluationConfig, evaluate
from sensorium.evaluation.intervals import intervals
from sensorium.tasks import TASKS

SAMPLES = 9
WITHOUT_INTERVAL = r"(median_rank|chance|calibration_error|average_precision)$|^detection/"
IMAGE = [n != 2 for n in range(SAMPLES)]
TEXT = [n not in (4, 5) for n in range(SAMPLES)]
AUDIO = [n != 7 for n in range(SAMPLES)]


@pytest.mark.parametrize("task", TASKS)
def test_tallies_are_the_figures_and_name_the_samples_that_count(task):
    model = small_model(small_model_config(modalities=tuple(ENCODERS)))
    mixture = small_mixture(task, model=model)
    whole = small_batch(SAMPLES, image=IMAGE, text=TEXT, audio=AUDIO)
    batches = [whole.rows(rows) for rows in torch.arange(SAMPLES).split(4)]
    judged = evaluate(mixture, batches, EvaluationConfig())
    assert judged.ids == list(whole.ids)
    without = set(judged.metrics) - set(judged.tallies)
    assert set(judged.tallies) <= set(judged.metrics)
    assert [name for name in without if not re.search(WITHOUT_INTERVAL, name)] == []
    for name, tally in judged.tallies.items():
        assert tally.figure == pytest.approx(judged.metrics[name], nan_ok=True)
        assert (tally.rows.diff() > 0).all()
        assert 0 <= tally.rows[0] <= tally.rows[-1] < SAMPLES
    for low, high in intervals(judged.tallies).values():
        assert low <= high
    for mistakes in judged.mistakes.values():
        assert all(0 <= mistake.row < SAMPLES for mistake in mistakes)
