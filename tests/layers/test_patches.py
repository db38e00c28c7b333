import pytest
import torch
from torch import nn

from sensorium.layers.patches import (
    choose_patches,
    cut_patches,
    draw_kept_patches,
    hide_patches,
    join_patches,
    positions_of_grids,
    resize_positions,
    take_patches,
)


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


def test_chosen_patches_are_real_and_in_order(generator):
    real = torch.rand(6, 20, generator=generator) < 0.4
    real[:, 0] = True
    index, there = choose_patches(real, 0.0, None)
    assert index.shape[1] == int(real.sum(dim=1).max())
    for row in range(6):
        assert index[row][there[row]].tolist() == real[row].nonzero()[:, 0].tolist()
    index, there = choose_patches(real, 0.5, generator)
    for row in range(6):
        kept = index[row][there[row]].tolist()
        assert len(kept) == max(1, round(int(real[row].sum()) / 2))
        assert kept == sorted(set(kept))
        assert real[row][kept].all()


def test_joined_patches_are_the_picture():
    picture = torch.rand(2, 3, 8, 12)
    assert torch.equal(join_patches(cut_patches(picture, 4), (2, 3), 4), picture)


def test_hidden_patches_are_a_share_of_the_real_ones(generator):
    real = torch.zeros(40, 12, dtype=torch.bool)
    real[::2, :8] = real[1::2, 3:] = True
    visible = hide_patches(real, 0.75, generator)
    assert visible.sum(dim=1).tolist() == [2, 2] * 20
    assert not (visible & ~real).any()
    assert (visible.sum(dim=0) > 0).all(), "each patch stays visible now and then"


def test_each_grid_has_its_own_positions():
    positions = torch.randn(16, 5)
    grids = torch.zeros(3, 4, 6, dtype=torch.bool)
    grids[0, :4, :4] = grids[1, :2, :6] = grids[2, :4, :4] = True
    found = positions_of_grids(positions, (4, 4), grids).view(3, 4, 6, 5)
    assert torch.equal(found[0, :, :4].reshape(16, 5), positions)
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1, :2].reshape(12, 5), resize_positions(positions, (4, 4), (2, 6)))
    assert not found[0, :, 4:].any()
    assert not found[1, 2:].any()
