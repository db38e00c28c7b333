import pytest
from tests.conftest import small_mixture, small_model, small_model_config

from sensorium.encoders import ENCODERS
from sensorium.tasks import TASKS, Mixture
from sensorium.training.config import TrainConfig
from sensorium.training.optimizer import build_optimizer, learning_rate_at

VALUES = (
    "norm.weight",
    "transform.2.weight",  # a norm, too
    "bias",
    "text.embedding.weight",
    "decoder.embedding.weight",
    "positions",
    "log_scales",
    "head.scales",
    "class_token",
    "mask_token",
    "attention_pool.query",
)


def whole_mixture(pooling: str) -> Mixture:
    config = small_model_config(pooling=pooling, modalities=tuple(ENCODERS))
    return small_mixture(*TASKS, model=small_model(config))


def decays(mixture: Mixture) -> dict[str, list[float]]:
    """Parameter -> the decay of every group that it is in."""
    optimizer = build_optimizer(mixture, TrainConfig(steps=1, weight_decay=0.1))
    return {
        name: [
            group["weight_decay"]
            for group in optimizer.param_groups
            for other in group["params"]
            if other is parameter
        ]
        for name, parameter in mixture.named_parameters()
    }


@pytest.mark.parametrize("pooling", ["class", "attention"])
def test_every_parameter_is_trained_once(pooling):
    assert all(len(groups) == 1 for groups in decays(whole_mixture(pooling)).values())


@pytest.mark.parametrize("pooling", ["class", "attention"])
def test_only_the_matrices_of_linear_maps_decay(pooling):
    found = decays(whole_mixture(pooling))
    kept = {name for name, groups in found.items() if groups == [0.0]}
    assert kept == {name for name in found if name.endswith(VALUES)}
    assert all(name.endswith(".weight") for name in found.keys() - kept)


def test_no_kind_of_value_is_missed_by_the_test_above():
    names = [name for pooling in ("class", "attention") for name in decays(whole_mixture(pooling))]
    assert all(any(name.endswith(value) for name in names) for value in VALUES)


def test_a_frozen_parameter_is_left_out():
    mixture = small_mixture("contrastive")
    mixture.model.encoders["text"].positions.requires_grad = False
    assert decays(mixture)["model.encoders.text.positions"] == []


def test_the_rate_rises_to_its_peak_and_follows_a_cosine_down():
    config = TrainConfig(steps=101, warmup=0.1, learning_rate=2.0, final_learning_rate=0.1)
    rates = [learning_rate_at(step, 101, config) for step in range(101)]
    peak = rates.index(max(rates))
    assert peak in (10, 11)
    assert rates[peak] == pytest.approx(2.0, rel=0.01)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert len(set(rates)) == len(rates)
    assert 0 < rates[0] < 0.3
    assert rates[56] == pytest.approx((2.0 + 0.2) / 2, rel=0.02)
    assert rates[-1] == pytest.approx(0.2, rel=0.01)


def test_without_warm_up_the_first_step_has_the_peak():
    config = TrainConfig(steps=10, warmup=0.0, learning_rate=2.0)
    assert learning_rate_at(0, 10, config) == 2.0
    assert learning_rate_at(9, 10, config) < 0.1
