import numpy as np
import pytest
import torch

from sensorium.tasks.calibration import calibrate


def by_hand(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """As the paper says it, bin by bin."""
    error = 0.0
    for number in range(bins):
        inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
        if inside.any():
            apart = abs(right[inside].mean() - confidence[inside].mean())
            error += inside.mean() * apart
    return error


@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_the_papers(seed):
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.1, 1, 500)
    right = random.uniform(size=500) < confidence**2
    found = calibrate(torch.from_numpy(confidence), torch.from_numpy(right))
    assert found.error == pytest.approx(by_hand(confidence, right))
    assert found.counts.sum() == 500


def test_who_is_as_right_as_sure_has_none():
    confidence = torch.tensor([0.75] * 4)
    assert calibrate(confidence, torch.tensor([True, True, True, False])).error == 0


def test_both_ends_are_in_a_bin():
    found = calibrate(torch.tensor([0.0, 1.0, 0.25]), torch.tensor([False, True, True]), bins=4)
    assert found.counts.tolist() == [2, 0, 0, 1]  # 0.25 is on the edge of the first two
    assert found.confidence.tolist() == [0.125, 0, 0, 1]
    assert found.accuracy.tolist() == [0.5, 0, 0, 1]
