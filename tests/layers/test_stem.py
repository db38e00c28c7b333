import pytest
import torch

from sensorium.layers.patches import cut_patches
from sensorium.layers.stem import ConvolutionalStem


@pytest.mark.parametrize("widths", [(), (4,), (4, 6)])
def test_each_convolution_halves_the_sides(widths):
    stem = ConvolutionalStem(3, widths)
    x = torch.randn(2, 3, 16, 24)
    assert stem(x).shape == (2, stem.channels, 16 // stem.stride, 24 // stem.stride)
    assert stem.stride == 2 ** len(widths)


def test_a_convolution_of_stride_1_keeps_the_sides():
    stem = ConvolutionalStem(3, (4, 6, 8), strides=(1, 2, 1))
    assert stem.stride == 2
    assert stem(torch.randn(2, 3, 16, 24)).shape == (2, 8, 8, 12)


def test_without_convolutions_nothing_changes():
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(ConvolutionalStem(3, ())(x), x)


@pytest.mark.parametrize("norm", ["sample", "channel"])
def test_no_sample_depends_on_the_others(norm):
    torch.manual_seed(0)
    stem, x = ConvolutionalStem(3, (4, 6), norm), torch.randn(3, 3, 16, 16)
    torch.testing.assert_close(stem(x)[1:2], stem(x[1:2]), rtol=1e-5, atol=1e-6)


def test_the_gradient_of_what_the_stem_gives_has_the_layout_of_it():
    layouts = []
    values = ConvolutionalStem(3, [4, 8])(torch.randn(2, 3, 16, 16))
    values.register_hook(
        lambda gradient: layouts.append(gradient.is_contiguous(memory_format=torch.channels_last))
    )
    cut_patches(values, patch_size=2).square().sum().backward()
    assert values.is_contiguous(memory_format=torch.channels_last)
    assert layouts == [True]


def test_a_norm_by_channel_takes_each_by_itself():
    torch.manual_seed(0)
    stem, x = ConvolutionalStem(3, (4,), "channel"), torch.randn(2, 3, 16, 16)
    normed = stem.layers[1](stem.layers[0](x))
    torch.testing.assert_close(normed.mean(dim=(2, 3)), torch.zeros(2, 4), rtol=0, atol=1e-5)
    scale = normed.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(scale, torch.ones(2, 4), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("strides", [(2, 2), (1, 2, 1, 2), (2, 1, 1, 2)])
@pytest.mark.parametrize("norm", ["sample", "channel"])
def test_padding_enters_neither_a_norm_nor_a_window(norm, strides):
    torch.manual_seed(0)
    stem = ConvolutionalStem(3, (4, 6, 5, 7)[: len(strides)], norm, strides)
    x = torch.randn(1, 3, 16, 16)
    real = torch.zeros(1, 24, 24, dtype=torch.bool)
    real[:, :16, :16] = True
    padded = torch.full((1, 3, 24, 24), 3.0)
    padded[..., :16, :16] = x
    torch.testing.assert_close(stem(padded, real)[..., :4, :4], stem(x), rtol=1e-4, atol=1e-5)
