import pytest
import torch
from tests.conftest import IMAGE_SIZE, small_batch

from sensorium.batch import Inputs
from sensorium.encoders import ImageEncoder, ImageEncoderConfig


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


def test_a_patch_size_that_does_not_divide_the_picture_is_refused():
    with pytest.raises(ValueError, match="16x16 pixels does not divide into patches of 5x5"):
        encoder(patch_size=5)
