import math

import pytest
import torch

from sensorium.layers.positions import sine_positions


def test_positions_are_their_formula():
    grid = sine_positions(3, 5, 8).view(3, 5, 8)
    for y, x in ((0, 0), (2, 4), (1, 3)):
        waves = [1.0, 10_000**-0.5]
        expected = [f(place * w) for place in (y, x) for f in (math.sin, math.cos) for w in waves]
        torch.testing.assert_close(grid[y, x], torch.tensor(expected))


def test_every_place_has_its_own_whatever_the_grid():
    grid = sine_positions(20, 30, 16)
    assert len(grid.unique(dim=0)) == 600
    torch.testing.assert_close(
        grid.view(20, 30, 16)[:7, :9], sine_positions(7, 9, 16).view(7, 9, 16)
    )


def test_a_width_that_cannot_be_shared_out_is_refused():
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        sine_positions(2, 2, 6)
