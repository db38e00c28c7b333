import pytest
import torch
from torch import nn

from sensorium.training.average import MovingAverage


def averaged(start: float, decay: float) -> tuple[nn.Linear, MovingAverage]:
    module = nn.Linear(1, 1)
    nn.init.constant_(module.weight, start)
    return module, MovingAverage(module, decay)


def set_weight(module: nn.Linear, value: float) -> None:
    nn.init.constant_(module.weight, value)


def test_the_first_steps_soon_forget_the_start():
    module, average = averaged(start=10.0, decay=0.9)
    set_weight(module, 20.0)
    average.update(step=0)
    assert average.weights["weight"].item() == pytest.approx(0.1 * 10 + 0.9 * 20)


def test_later_steps_move_it_by_its_decay():
    module, average = averaged(start=10.0, decay=0.9)
    set_weight(module, 20.0)
    average.update(step=1000)
    assert average.weights["weight"].item() == pytest.approx(0.9 * 10 + 0.1 * 20)
    assert module.weight.item() == 20


def test_in_place_the_module_has_the_average_and_then_its_own_again():
    module, average = averaged(start=1.0, decay=0.9)
    own = module.weight
    set_weight(module, 5.0)
    with average.in_place():
        assert module.weight.item() == 1
    assert module.weight is own
    assert module.weight.item() == 5
    assert average.weights["weight"].item() == 1


def test_an_error_in_validation_brings_the_own_weights_back(tmp_path):
    module, average = averaged(start=1.0, decay=0.9)
    set_weight(module, 5.0)
    with pytest.raises(FileNotFoundError), average.in_place():
        (tmp_path / "none").read_text()
    assert module.weight.item() == 5


def test_it_goes_on_from_what_was_saved():
    module, average = averaged(start=1.0, decay=0.5)
    average.load({name: torch.full_like(p, 4.0) for name, p in module.named_parameters()})
    set_weight(module, 8.0)
    average.update(step=1000)
    assert average.weights["weight"].item() == 6
