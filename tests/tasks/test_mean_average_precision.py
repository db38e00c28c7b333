"""Average precision against the definition, worked out by hand."""

import pytest
import torch

from sensorium.tasks.mean_average_precision import coco_figures

A, B = [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]
NAMES = ["cell", "dot"]


def figures(found, truth, pictures=1):
    """Both as (picture, box, class, score or crowd)."""
    rows = [
        torch.tensor([[*box, label, last] for _, box, label, last in given]).view(-1, 6)
        for given in (found, truth)
    ]
    numbers = [
        torch.tensor([one[0] for one in given], dtype=torch.long) for given in (found, truth)
    ]
    return coco_figures(rows[0], numbers[0], rows[1], numbers[1], pictures, NAMES)


def test_all_found_and_nothing_found():
    truth = [(0, A, 0, 0), (1, B, 1, 0)]
    perfect = figures([(0, A, 0, 0.9), (1, B, 1, 0.8)], truth, pictures=2)
    assert set(perfect.values()) == {1.0}
    assert {"map", "map_50", "map_75", "recall", "map_of_cell", "map_50_of_dot"} <= perfect.keys()
    nothing = figures([], truth, pictures=2)
    assert set(nothing.values()) == {0.0}
    assert nothing.keys() == perfect.keys()


def test_a_wrong_box_above_the_right_one_halves_the_precision():
    found = [(0, B, 0, 0.9), (0, A, 0, 0.5)]
    result = figures(found, [(0, A, 0, 0)])
    assert result["map_50"] == pytest.approx(0.5)
    assert result["recall"] == pytest.approx(1.0)
    assert "map_of_dot" not in result  # there is none to find
    below = figures([(0, B, 0, 0.3), (0, A, 0, 0.5)], [(0, A, 0, 0)])
    assert below["map_50"] == pytest.approx(1.0)


def test_an_iou_of_six_tenths_counts_at_the_first_three_thresholds():
    near = [0.0, 0.0, 10.0, 6.2]
    result = figures([(0, near, 0, 0.9)], [(0, A, 0, 0)])
    assert result["map_50"] == pytest.approx(1.0)
    assert result["map_75"] == 0
    assert result["map"] == pytest.approx(0.3)


def test_in_another_picture_or_of_another_class_it_is_wrong():
    truth = [(0, A, 0, 0), (1, B, 1, 0)]
    assert figures([(1, A, 0, 0.9)], truth, pictures=2)["map_50"] == 0
    assert figures([(0, A, 1, 0.9)], truth, pictures=2)["map_50"] == 0


def test_what_is_found_in_a_crowd_is_neither_right_nor_wrong():
    truth = [(0, A, 0, 0), (0, B, 0, 1)]
    inside = [22.0, 22.0, 30.0, 30.0]
    result = figures([(0, inside, 0, 0.99), (0, A, 0, 0.5)], truth)
    assert result["map_50"] == pytest.approx(1.0)
