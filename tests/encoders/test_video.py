import pytest
import torch
from tests.conftest import IMAGE_SIZE

from sensorium.batch import Inputs
from sensorium.encoders import ImageEncoder, ImageEncoderConfig, VideoEncoder, VideoEncoderConfig

SIZES = {"patch_size": 4, "width": 16, "depth": 2, "heads": 2}
FRAMES = 6
ATTENTIONS = ["divided", "joint"]
POOLINGS = ["mean", "class", "attention"]


def encoder(**config):
    """Fresh, but with every weight that starts as zero given a value, so that it shows."""
    torch.manual_seed(0)
    model = VideoEncoder(VideoEncoderConfig(**SIZES | config), IMAGE_SIZE, FRAMES)
    for weight in model.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.5)
    return model


def clips(*lengths, seed=0):
    """Random clips of so many frames, padded to the longest with noise."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths), 3, IMAGE_SIZE, IMAGE_SIZE)
    frames = torch.randint(0, 256, shape, generator=generator).to(torch.uint8)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Inputs(frames, mask, torch.ones(len(lengths), dtype=torch.bool))


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(("tubelet_frames", "moments"), [(1, 5), (2, 3)])
def test_shapes(attention, pooling, tubelet_frames, moments):
    model = encoder(attention=attention, pooling=pooling, tubelet_frames=tubelet_frames)
    encoding = model.eval()(clips(5, 2))
    first = int(pooling == "class")
    assert encoding.tokens.values.shape == (2, moments * 16 + first, 16)
    assert encoding.tokens.mask.sum(dim=1).tolist() == [
        first + 16 * moments,
        first + 16 * (2 // tubelet_frames),
    ]
    assert encoding.pooled.shape == (2, 16)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("tubelet_frames", [1, 2, 3])
def test_padding_changes_nothing(attention, pooling, tubelet_frames):
    model = encoder(attention=attention, pooling=pooling, tubelet_frames=tubelet_frames).eval()
    padded = clips(5, 2)
    alone = Inputs(padded.values[1:, :2], None, torch.ones(1, dtype=torch.bool))
    among, itself = model(padded), model(alone)
    torch.testing.assert_close(among.pooled[1:], itself.pooled)
    real = among.tokens.mask[1]
    torch.testing.assert_close(among.tokens.values[1, real], itself.tokens.values[0])


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("tubelet_frames", [1, 2])
def test_a_one_frame_clip_gives_what_the_image_encoder_gives(attention, pooling, tubelet_frames):
    torch.manual_seed(1)
    image = ImageEncoder(ImageEncoderConfig(**SIZES, pooling=pooling), IMAGE_SIZE).eval()
    config = VideoEncoderConfig(
        **SIZES, pooling=pooling, attention=attention, tubelet_frames=tubelet_frames
    )
    video = VideoEncoder(config, IMAGE_SIZE, FRAMES).eval()
    video.start_from_image(image.state_dict())
    clip = clips(1)
    picture = image(Inputs(clip.values[:, 0], None, clip.present))
    seen = video(clip)
    torch.testing.assert_close(seen.tokens.values, picture.tokens.values)
    torch.testing.assert_close(seen.pooled, picture.pooled)


def test_positions_of_another_picture_size_are_interpolated():
    small = ImageEncoder(ImageEncoderConfig(**SIZES), 8)
    video = encoder()
    video.start_from_image(small.state_dict())
    assert video.positions.shape == (16, 16)


def test_weights_of_another_shape_are_named():
    wide = ImageEncoder(ImageEncoderConfig(**SIZES | {"width": 32, "depth": 3}), IMAGE_SIZE)
    with pytest.raises(ValueError, match=r"have transformer\.layers\.2\..* beside.*same width"):
        encoder().start_from_image(wide.state_dict())


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_order_of_frames_is_seen(attention):
    model = encoder(attention=attention).eval()
    clip = clips(4)
    backwards = Inputs(clip.values.flip(1), clip.mask, clip.present)
    assert (model(clip).pooled - model(backwards).pooled).abs().max() > 1e-3


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_dropped_patches_are_the_same_in_all_frames(attention, generator):
    model = encoder(attention=attention, drop_patches=0.75, depth=0).train()
    clip = clips(3, 3)
    whole = model(clip, None).tokens.values.view(2, 3, 16, 16)
    kept = model(clip, generator).tokens.values.view(2, 3, 4, 16)
    for sample in range(2):
        places = [
            [int((whole[sample, frame] == token).all(dim=1).nonzero()) for token in tokens]
            for frame, tokens in enumerate(kept[sample])
        ]
        assert places[0] == places[1] == places[2]
    assert model.eval()(clip, generator).tokens.values.shape == (2, 48, 16)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_weight_learns(attention, pooling, generator):
    model = encoder(attention=attention, pooling=pooling, tubelet_frames=2).train()
    encoding = model(clips(6, 3), generator)
    (encoding.pooled**2).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())


def test_recomputed_activations_give_the_same_gradients():
    gradients = []
    for again in (False, True):
        model = encoder(checkpoint_activations=again)
        model(clips(3, 2)).pooled.sum().backward()
        gradients.append(model.patch_embedding.weight.grad)
    torch.testing.assert_close(*gradients)


def test_more_frames_than_positions_are_refused():
    with pytest.raises(ValueError, match="7 frames came to an encoder of 6"):
        encoder()(clips(7))
