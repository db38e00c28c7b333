"""Maps of several resolutions: their shapes, and that padding changes nothing."""

import pytest
import torch

from sensorium.layers.pyramid import FeaturePyramid

LEVELS = (-2, -1, 0, 1, 2)


@pytest.fixture
def pyramid() -> FeaturePyramid:
    torch.manual_seed(0)
    return FeaturePyramid(12, 8, LEVELS)


def test_every_level_has_its_size(pyramid):
    maps, real = pyramid(torch.randn(2, 12, 5, 3))
    assert [tuple(x.shape) for x in maps] == [
        (2, 8, 20, 12),
        (2, 8, 10, 6),
        (2, 8, 5, 3),
        (2, 8, 3, 2),  # the maximum at an odd end is over what is there
        (2, 8, 2, 1),
    ]
    assert real == [None] * 5


def test_a_picture_looks_the_same_alone_and_padded(pyramid):
    alone = torch.randn(1, 12, 5, 3)
    padded, real = torch.randn(2, 12, 6, 7), torch.ones(2, 6, 7, dtype=torch.bool)
    real[0, 5:], real[0, :, 3:] = False, False
    padded[0] = 0.0
    padded[0, :, :5, :3] = alone[0]
    expected, _ = pyramid(alone)
    maps, there = pyramid(padded, real)
    for x, own, of_alone in zip(maps, there, expected, strict=True):
        rows, columns = of_alone.shape[2:]
        assert own[0].sum() == rows * columns
        torch.testing.assert_close(x[0, :, :rows, :columns], of_alone[0])
        assert not x[0][:, ~own[0]].any()


def test_a_level_reads_no_other(pyramid):
    grid = torch.randn(1, 12, 4, 4)
    for number, level in enumerate(LEVELS):
        (alone,), _ = FeaturePyramid.forward(_only(pyramid, number, level), grid)
        torch.testing.assert_close(alone, pyramid(grid)[0][number])


def _only(pyramid: FeaturePyramid, number: int, level: int) -> FeaturePyramid:
    one = FeaturePyramid(12, 8, (level,))
    one.maps[0].load_state_dict(pyramid.maps[number].state_dict())
    return one
