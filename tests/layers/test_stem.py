import pytest
import torch

from sensorium.layers.stem import ConvolutionalStem


@pytest.mark.parametrize("widths", [(), (4,), (4, 6)])
def test_each_convolution_halves_the_sides(widths):
    stem = ConvolutionalStem(3, widths)
    x = torch.randn(2, 3, 16, 24)
    assert stem(x).shape == (2, stem.channels, 16 // stem.stride, 24 // stem.stride)
    assert stem.stride == 2 ** len(widths)


def test_without_convolutions_nothing_changes():
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(ConvolutionalStem(3, ())(x), x)


def test_no_sample_depends_on_the_others():
    torch.manual_seed(0)
    stem, x = ConvolutionalStem(3, (4, 6)), torch.randn(3, 3, 16, 16)
    torch.testing.assert_close(stem(x)[1:2], stem(x[1:2]), rtol=1e-5, atol=1e-6)
