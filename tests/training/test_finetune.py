"""Fine-tuning in the loop: what is frozen, adapted or thawed trains, stops and goes on exactly."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.conftest import small_batch, small_mixture, small_model, small_model_config
from tests.training.test_loop import Supply, config, made, same, weights

from sensorium.layers.lora import merge_low_rank
from sensorium.tasks import Mixture
from sensorium.training import Checkpoints, FinetuneConfig, Outcome, train
from sensorium.training.freezing import adapt
from sensorium.weights import load_weights

WAYS: dict[str, dict[str, Any]] = {
    "part frozen": {"freeze": {"encoders": ["image"], "layers": 1}},
    "decay by layer": {"layer_decay": 0.5},
    "thawed": {"unfreeze_over": 0.9},
    "low rank": {"lora": {"rank": 2}},
    "everything": {
        "freeze": {"encoders": ["image"]},
        "layer_decay": 0.7,
        "unfreeze_over": 0.9,
        "lora": {"rank": 2, "places": ["attention", "feed_forward"]},
    },
}


def finetune(
    folder: Path,
    way: dict[str, Any],
    before: Callable[[int], None] | None = None,
    **settings: Any,
) -> tuple[Mixture, Outcome]:
    """Six steps of a tiny mixture; `before` is called with the number of each batch."""
    folder.mkdir(exist_ok=True)
    model = small_model(small_model_config(dropout=0.1))
    mixture = small_mixture("contrastive", "masked_language", model=model)
    finetuning = FinetuneConfig.model_validate(way)
    adapt(mixture, finetuning)
    wanted = config(**({"steps": 6, "learning_rate": 0.01, "moving_average": 0.5} | settings))
    outcome = train(mixture, Supply(made(), before), wanted, folder, seed=3, finetune=finetuning)
    return mixture, outcome


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path, way, precision):
    def stop(number: int) -> None:
        if number == 4:
            signal.raise_signal(signal.SIGTERM)

    uninterrupted, _ = finetune(tmp_path / "whole", way, precision=precision)
    _, stopped = finetune(tmp_path / "stopped", way, stop, precision=precision)
    assert stopped.stopped_by == signal.SIGTERM
    assert stopped.state.step == 4
    resumed, outcome = finetune(tmp_path / "stopped", way, precision=precision)
    assert outcome.state.step == 6
    assert same(weights(resumed), weights(uninterrupted))
    last = "checkpoints/step-00000006"
    for path in (tmp_path / "whole" / last).glob("*.safetensors"):
        assert path.read_bytes() == (tmp_path / "stopped" / last / path.name).read_bytes()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_frozen_keeps_its_bits_and_the_rest_learns(tmp_path, way):
    mixture = small_mixture(
        "contrastive", "masked_language", model=small_model(small_model_config(dropout=0.1))
    )
    adapt(mixture, FinetuneConfig.model_validate(way))
    frozen = {name for name, p in mixture.named_parameters() if not p.requires_grad}
    before = {name: p.detach().clone() for name, p in mixture.named_parameters()}
    after = dict(finetune(tmp_path / "run", way)[0].named_parameters())
    for name in frozen:
        assert torch.equal(after[name], before[name]), name
    heads = [name for name in after if name.startswith("tasks.")]
    assert all(not torch.equal(after[name], before[name]) for name in heads)


def test_the_start_is_saved_as_step_0(tmp_path):
    def stop(number: int) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = weights(small_mixture("contrastive", "masked_language"))
    finetune(tmp_path / "run", {}, stop)
    first = Checkpoints(tmp_path / "run/checkpoints").of(0)
    mixture = small_mixture(
        "contrastive", "masked_language", model=small_model(small_model_config(dropout=0.1))
    )
    load_weights(mixture, first.inference_weights(), first.path)
    assert same(weights(mixture), before)


def test_a_checkpoint_of_low_rank_updates_loads_into_the_plain_model(tmp_path):
    trained, outcome = finetune(tmp_path / "run", WAYS["low rank"], moving_average=None)
    plain = small_mixture("contrastive", "masked_language").eval()
    load_weights(plain, outcome.checkpoint.inference_weights(), outcome.checkpoint.path)
    batch, generator = small_batch(), torch.Generator()
    trained.eval()

    def predicted(mixture: Mixture) -> torch.Tensor:
        predictions, _ = mixture.predict(batch, generator.manual_seed(0))
        return predictions[0]["contrastive"]["image"]

    torch.testing.assert_close(predicted(plain), predicted(trained))
    merge_low_rank(trained)
    assert same(weights(plain), weights(trained))
    names = {path.name for path in outcome.checkpoint.path.iterdir()}
    assert "low_rank.safetensors" in names
    saved = load_file(outcome.checkpoint.path / "weights.safetensors")
    assert not any(name.endswith((".up", ".down")) for name in saved)


def test_a_run_without_low_rank_updates_has_no_file_of_them(tmp_path):
    _, outcome = finetune(tmp_path / "run", {})
    assert not (outcome.checkpoint.path / "low_rank.safetensors").exists()


def watched(folder: Path, figures: list[float], **settings: Any) -> Outcome:
    """Train while a made-up figure is watched, validated at every step."""
    folder.mkdir(exist_ok=True)
    left = iter(figures)
    wanted = {"steps": 9, "validate_every_steps": 1, "best_metric": "validation/x"} | settings
    return train(
        small_mixture("contrastive"),
        Supply(made()),
        config(**wanted),
        folder,
        seed=0,
        validate=lambda: {"validation/x": next(left)},
    )


def test_a_run_ends_where_validation_brings_nothing_better(tmp_path):
    outcome = watched(tmp_path, [0.1, 0.5, 0.4, 0.6, 0.6, 0.2, 0.3, 0.9], stop_after=3)
    assert outcome.stopped_by is None
    assert (outcome.state.step, outcome.state.best_step) == (7, 4)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.newest().state() == outcome.state
    assert checkpoints.to_use().state().step == 4


def test_a_run_that_ended_early_has_ended_when_it_is_resumed(tmp_path):
    first = watched(tmp_path, [0.5, 0.4, 0.4], stop_after=2)
    again = watched(tmp_path, [], stop_after=2)
    assert again.state == first.state


def test_without_patience_a_run_goes_to_its_end(tmp_path):
    assert watched(tmp_path, [0.5] * 9).state.step == 9
