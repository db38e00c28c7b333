import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tests.conftest import small_batch, small_mixture

from sensorium.batch import Batch, Inputs
from sensorium.errors import TrainingError
from sensorium.tasks import Mixture
from sensorium.training import Checkpoints, Outcome, TrainConfig, train
from sensorium.training.log import read_metrics
from sensorium.training.loop import Loop


class Supply:
    """Made batches, again and again; `before` is called with the number of each as it is given."""

    def __init__(self, batches: list[Batch], before: Callable[[int], None] | None = None) -> None:
        self.batches, self.before = batches, before
        self.batches_per_epoch = len(batches)
        self.given = 0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            self.given += 1
            if self.before is not None:
                self.before(self.given)
            yield self.batches[(self.given - 1) % len(self.batches)]

    def state(self) -> dict[str, int]:
        return {"given": self.given}

    def restore(self, state: dict[str, int]) -> None:
        self.given = state["given"]


def made(samples: int = 4, batches: int = 3) -> list[Batch]:
    return [small_batch(samples, seed=seed) for seed in range(batches)]


def config(**settings: object) -> TrainConfig:
    return TrainConfig.model_validate({"precision": "float32", "log_every_steps": 1} | settings)


def weights(mixture: Mixture) -> list[torch.Tensor]:
    return [p.detach().clone() for p in mixture.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_loss_falls_where_there_is_little_to_learn(tmp_path):
    mixture = small_mixture("contrastive", "masked_language")
    settings = config(steps=40, learning_rate=0.01)
    outcome = train(mixture, Supply(made(batches=1)), settings, tmp_path, seed=0)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 41))
    for task in ("contrastive", "masked_language"):
        assert rows[-1][f"train/{task}/loss"] < 0.8 * rows[0][f"train/{task}/loss"]
    assert rows[-1]["train/contrastive/accuracy"] == 1
    assert (outcome.state.step, outcome.state.samples, outcome.stopped_by) == (40, 160, None)


def first_gradient(folder: Path, parts: int) -> list[torch.Tensor]:
    """What AdamW's first moment holds after one step: a tenth of the gradient."""
    mixture = small_mixture("masked_language")
    loop = Loop(mixture, Supply([]), config(steps=9, accumulate=parts), folder, seed=0)
    loop.step(small_batch(7))
    return [entry["exp_avg"] for entry in loop.optimizer.state.values()]


def test_accumulated_parts_give_the_gradient_of_the_whole_batch(tmp_path):
    whole, accumulated = first_gradient(tmp_path, parts=1), first_gradient(tmp_path, parts=3)
    assert max(x.abs().max() for x in whole) > 1e-3
    for one, other in zip(whole, accumulated, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_a_part_without_any_usable_sample_adds_nothing(tmp_path):
    mixture = small_mixture("masked_language")
    loop = Loop(mixture, Supply([]), config(steps=9, accumulate=2), folder=tmp_path, seed=0)
    losses = loop.step(small_batch(4, text=[True, True, False, False]))
    assert losses["masked_language"].mean > 0


def test_a_batch_that_no_task_can_use_says_what_it_has(tmp_path):
    supply = Supply([small_batch(4, text=[False] * 4)])
    with pytest.raises(TrainingError, match="no task can use any sample of the batch of step 1"):
        train(small_mixture("contrastive"), supply, config(steps=1), tmp_path, seed=0)


def test_a_batch_in_which_nobody_has_a_modality_is_left_out_and_the_run_goes_on(tmp_path):
    nobody = small_batch(4, text=[False] * 4)
    supply = Supply([*made(), nobody, nobody])
    mixture = small_mixture("contrastive")
    outcome = train(mixture, supply, config(steps=6), tmp_path, seed=0)
    assert (outcome.state.step, outcome.state.samples) == (6, 24)
    assert (outcome.state.unusable, supply.given) == (2, 8)
    other = small_mixture("contrastive", "masked_language")
    (tmp_path / "text").mkdir()
    text_alone = [small_batch(4, image=[False] * 4)]
    outcome = train(other, Supply(text_alone), config(steps=2), tmp_path / "text", seed=0)
    assert (outcome.state.step, outcome.state.unusable) == (2, 0)


def test_modality_dropout_withholds_and_a_resumed_run_ends_with_the_same_bits(tmp_path):
    def run(name: str, steps: int, **settings: object) -> list[torch.Tensor]:
        mixture = small_mixture("contrastive", "masked_language")
        (tmp_path / name).mkdir(exist_ok=True)
        whole = config(steps=6, **settings)
        supply = Supply(made(), before=lambda number: signal.raise_signal(signal.SIGTERM))
        train(mixture, Supply(made()) if steps == 6 else supply, whole, tmp_path / name, seed=0)
        return weights(mixture)

    dropped = run("dropped", 6, modality_dropout=0.3)
    assert not same(dropped, run("plain", 6))
    run("stopped", 1, modality_dropout=0.3)
    assert same(run("stopped", 6, modality_dropout=0.3), dropped)


def spoiled(batch: Batch) -> Batch:
    image = batch.inputs["image"]
    broken = Inputs(
        torch.full_like(image.values, torch.nan, dtype=torch.float32), None, image.present
    )
    return Batch(batch.ids, {**batch.inputs, "image": broken})


def test_a_loss_that_is_not_a_number_stops_before_the_weights_change(tmp_path):
    mixture = small_mixture("contrastive")
    good = made()
    supply = Supply([good[0], good[1], spoiled(good[2])])
    with pytest.raises(TrainingError) as error:
        train(mixture, supply, config(steps=9, checkpoint_every_steps=1), tmp_path, seed=0)
    assert "step 3: the loss is nan" in str(error.value)
    assert "made.jsonl:1, made.jsonl:2" in str(error.value)
    failed = json.loads((tmp_path / "failed_batch.json").read_text())
    assert (failed["step"], failed["samples"]) == (3, good[2].ids)
    kept = Checkpoints(tmp_path / "checkpoints").newest()
    assert kept.state().step == 2
    saved = kept.inference_weights()
    assert all(torch.equal(p, saved[name]) for name, p in mixture.named_parameters())


def train_with_an_explosion(mixture: Mixture, folder: Path, at: int) -> None:
    bias = mixture.tasks["masked_language"].bias

    def blow_up(number: int) -> None:
        bias.data[0] = 1e4 if number == at else 0.0

    supply = Supply(made(), before=blow_up)
    train(mixture, supply, config(steps=24, learning_rate=1e-6), folder, seed=0)


def test_an_exploding_loss_stops_before_the_weights_change(tmp_path):
    mixture = small_mixture("masked_language")
    with pytest.raises(TrainingError, match=r"step 22: the loss is .*, over 10 times its running"):
        train_with_an_explosion(mixture, tmp_path, at=22)
    assert mixture.tasks["masked_language"].bias[0] == 1e4
    assert json.loads((tmp_path / "failed_batch.json").read_text())["step"] == 22


def test_the_losses_of_the_first_steps_are_no_explosion(tmp_path):
    train_with_an_explosion(small_mixture("masked_language"), tmp_path, at=3)
    assert not (tmp_path / "failed_batch.json").exists()


def test_the_best_checkpoint_is_kept_and_used(tmp_path):
    figures = iter([0.1, 0.9, 0.3, 0.2])
    settings = config(
        steps=4,
        validate_every_steps=1,
        best_metric="validation/x",
        checkpoint_every_steps=1,
        keep_checkpoints=1,
    )
    mixture = small_mixture("contrastive")
    outcome = train(
        mixture,
        Supply(made()),
        settings,
        tmp_path,
        seed=0,
        validate=lambda: {"validation/x": next(figures)},
    )
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert [checkpoint.state().step for checkpoint in checkpoints.all()] == [2, 4]
    assert checkpoints.to_use().state().step == 2
    assert (outcome.state.best_step, outcome.state.best_figure) == (2, 0.9)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["validation/x"] for row in rows if "validation/x" in row] == [0.1, 0.9, 0.3, 0.2]


def test_a_best_metric_that_is_not_among_the_figures_is_named(tmp_path):
    settings = config(steps=2, validate_every_steps=1, best_metric="validation/y")
    with pytest.raises(
        TrainingError, match=r"best_metric=validation/y is not among .*: validation/x"
    ):
        train(
            small_mixture("contrastive"),
            Supply(made()),
            settings,
            tmp_path,
            seed=0,
            validate=lambda: {"validation/x": 1.0},
        )


def test_the_average_is_what_is_validated_and_training_goes_on_with_its_own(tmp_path):
    mixture = small_mixture("contrastive")
    seen = []

    def validate() -> dict[str, float]:
        seen.append(weights(mixture))
        mixture.eval()
        return {}

    train(
        mixture,
        Supply(made()),
        config(steps=2, validate_every_steps=1, moving_average=0.5, learning_rate=0.01),
        tmp_path,
        seed=0,
        validate=validate,
    )
    assert mixture.training
    saved = Checkpoints(tmp_path / "checkpoints").newest().inference_weights()
    average = [saved[name] for name, _ in mixture.named_parameters()]
    assert same(seen[-1], average)
    assert not same(seen[-1], weights(mixture))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_signal_saves_and_the_resumed_run_ends_with_the_same_bits(tmp_path, precision):
    settings = config(
        steps=5, precision=precision, accumulate=2, learning_rate=0.01, checkpoint_every_steps=2
    )

    def run(name: str, before: Callable[[int], None] | None = None) -> tuple[Mixture, Outcome]:
        mixture = small_mixture("contrastive", "matching", "masked_language")
        (tmp_path / name).mkdir(exist_ok=True)
        return mixture, train(mixture, Supply(made(), before), settings, tmp_path / name, seed=3)

    def stop(number: int) -> None:
        if number == 3:
            signal.raise_signal(signal.SIGTERM)

    uninterrupted, _ = run("uninterrupted")
    _, stopped = run("stopped", before=stop)
    assert stopped.stopped_by == signal.SIGTERM
    assert stopped.state.step == stopped.checkpoint.state().step == 3
    resumed, outcome = run("stopped")
    assert outcome.stopped_by is None
    assert outcome.state.step == outcome.checkpoint.state().step == 5
    assert same(weights(resumed), weights(uninterrupted))
    rows = read_metrics(tmp_path / "stopped" / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]


class StoppedAtOnce(Supply):
    def __iter__(self) -> Iterator[Batch]:
        signal.raise_signal(signal.SIGTERM)
        return super().__iter__()


def test_a_signal_before_the_first_step_saves_too(tmp_path):
    mixture, settings = small_mixture("contrastive"), config(steps=2)
    stopped = train(mixture, StoppedAtOnce(made()), settings, tmp_path, seed=0)
    assert (stopped.state.step, stopped.stopped_by) == (0, signal.SIGTERM)
    assert train(mixture, Supply(made()), settings, tmp_path, seed=0).state.step == 2
