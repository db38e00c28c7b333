import pytest
import torch
from tests.conftest import IMAGE_SIZE, small_batch

from sensorium.batch import Inputs
from sensorium.encoders import ImageEncoder, ImageEncoderConfig
from sensorium.layers.positions import sine_positions


def encoder(**config):
    torch.manual_seed(0)
    sizes = {"patch_size": 4, "width": 16, "depth": 2, "heads": 2}
    return ImageEncoder(ImageEncoderConfig(**sizes | config), IMAGE_SIZE)


@pytest.mark.parametrize("pooling", ["mean", "class", "attention"])
def test_shapes(pooling):
    encoding = encoder(pooling=pooling).eval()(small_batch(3).inputs["image"])
    assert encoding.tokens.values.shape == (3, 16 + (pooling == "class"), 16)
    assert encoding.tokens.mask.all()
    assert encoding.pooled.shape == (3, 16)


def test_dropped_patches_only_in_training(generator):
    images = small_batch(3).inputs["image"]
    model = encoder(drop_patches=0.5)
    assert model.train()(images, generator).tokens.values.shape[1] == 8
    assert model.eval()(images, generator).tokens.values.shape[1] == 16
    assert model.train()(images, None).tokens.values.shape[1] == 16


def test_kept_patches_keep_their_own_positions(generator):
    images = small_batch(3).inputs["image"]
    model = encoder(drop_patches=0.75, depth=0).train()
    whole = model(images, None).tokens.values
    for sample, kept in zip(whole, model(images, generator).tokens.values, strict=True):
        assert all((token == sample).all(dim=1).any() for token in kept)


def test_other_sizes_are_encoded_with_resized_positions():
    pixels = torch.zeros(2, 3, 24, 32, dtype=torch.uint8)
    encoding = encoder()(Inputs(pixels, None, torch.ones(2, dtype=torch.bool)))
    assert encoding.tokens.values.shape == (2, 6 * 8, 16)


def test_positions_may_begin_as_sines():
    model = encoder(initial_positions="sine")
    torch.testing.assert_close(model.positions.data, sine_positions(*model.grid, 16))
    assert model.positions.requires_grad
    with pytest.raises(ValueError, match="width=18 must be a multiple of 4"):
        encoder(initial_positions="sine", width=18)


def test_pixels_are_normalised_colour_by_colour():
    model = encoder(mean=(0.0, 0.5, 1.0), deviation=(1.0, 0.5, 0.25))
    white = torch.full((1, 3, 4, 4), 255, dtype=torch.uint8)
    torch.testing.assert_close(model._normalised(white)[0, :, 0, 0], torch.tensor([1.0, 1.0, 0.0]))


def test_a_stem_shrinks_the_patches_that_it_leaves(generator):
    images = small_batch(3).inputs["image"]
    model = encoder(stem_widths=(6, 8), drop_patches=0.5)
    assert model.patch_embedding.in_features == 8
    assert model.eval()(images).tokens.values.shape == (3, 16, 16)
    assert model.train()(images, generator).tokens.values.shape == (3, 8, 16)


def test_a_stem_that_does_not_fit_in_a_patch_is_refused():
    with pytest.raises(ValueError, match=r"shrinks the picture 8 times.*must divide patch_size=4"):
        encoder(stem_widths=(4, 4, 4))
    with pytest.raises(ValueError, match=r"shrinks the picture 8 times.*must divide patch_size=4"):
        encoder(stem_widths=(4, 4, 4, 4), stem_strides=(2, 2, 1, 2))
    assert encoder(stem_widths=(4, 4, 4), stem_strides=(2, 1, 2)).stem.stride == 4


def test_strides_that_are_not_one_for_each_width_are_refused():
    with pytest.raises(ValueError, match=r"stem_strides=\[1\] must have one stride for each"):
        encoder(stem_widths=(4, 4), stem_strides=(1,))


def test_a_patch_size_that_does_not_divide_the_picture_is_refused():
    with pytest.raises(ValueError, match="16x16 pixels does not divide into patches of 5x5"):
        encoder(patch_size=5)


def side_by_side(pictures: list[torch.Tensor], patch: int = 4, padding: int = 0) -> Inputs:
    """Pictures of different shapes at the top left, the rest filled with `padding`."""
    height, width = (max(picture.shape[side] for picture in pictures) for side in (1, 2))
    values = torch.full((len(pictures), 3, height, width), padding, dtype=torch.uint8)
    mask = torch.zeros(len(pictures), height // patch, width // patch, dtype=torch.bool)
    for row, picture in enumerate(pictures):
        _, height, width = picture.shape
        values[row, :, :height, :width] = picture
        mask[row, : height // patch, : width // patch] = True
    return Inputs(values, mask, torch.ones(len(pictures), dtype=torch.bool))


@pytest.mark.parametrize("pooling", ["mean", "class", "attention"])
@pytest.mark.parametrize("strides", [(), (2, 2), (1, 2, 2)])
@pytest.mark.parametrize("padding", [0, 200])
def test_a_picture_is_encoded_alone_as_beside_larger_ones(pooling, strides, padding, generator):
    shapes = [(8, 24), (20, 8), (16, 16), (4, 4)]
    pictures = [
        torch.randint(0, 256, (3, *shape), generator=generator).to(torch.uint8) for shape in shapes
    ]
    stem = {"stem_widths": (6, 8, 8)[: len(strides)], "stem_strides": strides}
    model = encoder(pooling=pooling, **stem).eval()
    together = model(side_by_side(pictures, padding=padding))
    tokens = together.tokens
    assert tokens.mask.sum(dim=1).tolist() == [n + (pooling == "class") for n in (12, 10, 16, 1)]
    assert tokens.values.shape[1] == 16 + (pooling == "class")  # and not 5 x 6, the padded grid
    for row, picture in enumerate(pictures):
        alone = model(Inputs(picture[None], None, torch.tensor([True])))
        close = {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(together.pooled[row], alone.pooled[0], **close)
        real = tokens.values[row][tokens.mask[row]]
        torch.testing.assert_close(real, alone.tokens.values[0], **close)


def test_padding_gets_no_gradient(generator):
    pixels = torch.rand(2, 3, 16, 16, requires_grad=True)
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    mask[0] = mask[1, :2, :3] = True
    model = encoder(stem_widths=(6, 8), drop_patches=0.5).train()
    encoding = model(Inputs(pixels, mask, torch.ones(2, dtype=torch.bool)), generator)
    encoding.pooled.square().sum().backward()
    assert pixels.grad[1, :, :8, :12].abs().sum() > 0
    assert pixels.grad[1, :, 8:].abs().sum() == pixels.grad[1, :, :, 12:].abs().sum() == 0


def test_each_picture_drops_its_own_share(generator):
    pictures = [torch.zeros(3, *shape, dtype=torch.uint8) for shape in ((16, 16), (8, 12), (4, 4))]
    model = encoder(drop_patches=0.5)
    tokens = model.train()(side_by_side(pictures), generator).tokens
    assert tokens.values.shape[1] == 8
    assert tokens.mask.sum(dim=1).tolist() == [8, 3, 1]
