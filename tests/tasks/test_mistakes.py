import torch

from sensorium.batch import UNKNOWN
from sensorium.tasks.mistakes import (
    Mistake,
    mistakes_of_names,
    mistakes_of_numbers,
    mistakes_of_several,
    surest,
)

NAMES = ["cat", "dog", "emu"]


def test_the_surest_wrong_ones_come_first_and_right_ones_never():
    said, truth = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 2, UNKNOWN, 1])
    sure = torch.tensor([0.99, 0.6, 0.9, 0.3])
    found = mistakes_of_names(torch.tensor([7, 8, 9, 3]), said, truth, sure, NAMES, most=2)
    assert found == [
        Mistake(9, "emu", "an answer that it does not know", "90.0% sure"),
        Mistake(8, "dog", "emu", "60.0% sure"),
    ]


def test_a_sample_is_shown_once():
    wrong = torch.tensor([True, True, True])
    assert surest(torch.tensor([4, 4, 5]), torch.tensor([0.2, 0.9, 0.5]), wrong, 5) == [1, 2]


def test_of_several_classes_the_surest_wrong_one_is_told():
    sure = torch.tensor([[0.9, 0.2, 0.1], [0.6, 0.04, 0.1], [0.9, 0.1, 0.1]])
    truth = torch.tensor([[False, True, False], [True, True, False], [True, False, False]])
    found = mistakes_of_several(torch.arange(3), sure, truth, NAMES, most=5)
    assert found == [
        Mistake(1, "not dog", "dog", "96.0% sure"),
        Mistake(0, "cat", "not cat", "90.0% sure"),
    ]


def test_of_numbers_the_furthest_off_comes_first():
    said, truth = torch.tensor([1.0, 2, 30]), torch.tensor([1.5, 2, 20])
    found = mistakes_of_numbers(torch.arange(3), said, truth, most=2)
    assert found == [Mistake(2, "30", "20", "off by 10"), Mistake(0, "1", "1.5", "off by 0.5")]
