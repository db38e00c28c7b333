import json

import pytest

from sensorium.training.log import Interval, Progress, StepLoss, TrainingLog, read_metrics


def test_figures_are_written_by_step(tmp_path):
    with TrainingLog(tmp_path, resumed_step=0) as log:
        log.write(5, {"train/matching/loss": 0.5})
        assert read_metrics(log.path) == [{"step": 5, "train/matching/loss": 0.5}]
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path):
    with TrainingLog(tmp_path, resumed_step=0) as log:
        for step in (5, 10, 15):
            log.write(step, {"loss": float(step)})
    with TrainingLog(tmp_path, resumed_step=10) as log:
        log.write(15, {"loss": -1.0})
    assert [row["loss"] for row in read_metrics(log.path)] == [5.0, 10.0, -1.0]


def test_half_a_last_line_is_left_out_and_not_written_on(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 5, "loss": 1.0}\n{"step": 10, "lo')
    assert read_metrics(path) == [{"step": 5, "loss": 1.0}]
    with TrainingLog(tmp_path, resumed_step=10) as log:
        log.write(10, {"loss": 2.0})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10]


def test_an_interval_averages_its_steps():
    interval = Interval(first_step=4, steps=10)
    for loss, norm in ((1.0, None), (3.0, 0.25)):
        interval.add(8, 0.0, {"matching": StepLoss(loss, accuracy=0.5, gradient_norm=norm)})
    progress, figures = interval.progress(), interval.figures(learning_rate=0.1)
    assert (progress.step, progress.steps) == (6, 10)
    assert progress.losses == {"matching": 2.0}
    assert figures["train/matching/loss"] == 2.0
    assert figures["train/matching/accuracy"] == 0.5
    assert figures["train/matching/gradient_norm"] == 0.25
    assert figures["train/learning_rate"] == 0.1
    assert figures["train/samples_per_second"] > 0
    assert progress.eta_seconds == pytest.approx(2 * 16 / progress.samples_per_second, rel=1e-6)


def test_the_progress_line_says_where_how_fast_and_how_long():
    progress = Progress(6, 10, 123.4, 75.0, {"matching": 0.5}, data_wait=0.25)
    assert progress.line() == ("step 6/10  matching 0.500  123 samples/s  data wait 25%  1:15 left")
