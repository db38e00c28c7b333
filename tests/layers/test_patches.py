import pytest
import torch
from torch import nn

from sensorium.layers.patches import cut_patches, draw_kept_patches, resize_positions, take_patches


def test_a_linear_layer_on_patches_is_the_strided_convolution():
    torch.manual_seed(0)
    image = torch.randn(2, 3, 8, 12)
    convolution = nn.Conv2d(3, 5, kernel_size=4, stride=4)
    expected = convolution(image).flatten(2).transpose(1, 2)
    patches = cut_patches(image, 4)
    weight, bias = convolution.weight.flatten(1), convolution.bias
    torch.testing.assert_close(nn.functional.linear(patches, weight, bias), expected)


def test_a_patch_size_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="8x10 pixels does not divide into patches of 4x4"):
        cut_patches(torch.zeros(1, 3, 8, 10), 4)


def test_kept_patches_are_distinct_in_order_and_drawn_anew_for_each_sample(generator):
    kept = draw_kept_patches(6, 16, 0.5, generator)
    assert kept.shape == (6, 8)
    assert (kept.diff(dim=1) > 0).all()
    assert len({tuple(row) for row in kept.tolist()}) > 1


def test_one_patch_is_always_kept(generator):
    assert draw_kept_patches(2, 4, 0.99, generator).shape == (2, 1)


def test_take_patches():
    values = torch.arange(12).view(2, 3, 2)
    assert take_patches(values, torch.tensor([[0, 2], [1, 2]])).tolist() == [
        [[0, 1], [4, 5]],
        [[8, 9], [10, 11]],
    ]


def test_positions_resize_smoothly_and_keep_their_own_size():
    rows = torch.arange(4.0)[:, None].expand(4, 4).reshape(16, 1)
    assert resize_positions(rows, (4, 4), (4, 4)) is rows
    larger = resize_positions(rows, (4, 4), (8, 8)).view(8, 8)
    assert (larger.diff(dim=0) > -0.2).all()
    torch.testing.assert_close(larger[:, 0], larger[:, 7])
    torch.testing.assert_close(larger.mean(), rows.mean(), atol=0.05, rtol=0)
