"""The audio encoder: padding changes nothing, long sounds are cut into windows."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from tests.conftest import MEL_BINS, small_sounds
from tests.conftest import SOUND_FRAMES as FRAMES

from sensorium.batch import Inputs
from sensorium.encoders import AudioEncoder, AudioEncoderConfig

POOLINGS = ("mean", "class", "attention")


def encoder(**settings: object) -> AudioEncoder:
    torch.manual_seed(0)
    sizes = {"width": 16, "depth": 2, "heads": 2, "patch_frames": 4, "patch_bins": 4}
    config = AudioEncoderConfig.model_validate(sizes | settings)
    return AudioEncoder(config, mel_bins=MEL_BINS, frames=FRAMES).eval()


@pytest.fixture
def sounds() -> Inputs:
    return small_sounds(torch.ones(4, dtype=torch.bool), torch.Generator().manual_seed(0))


def alone(inputs: Inputs, row: int) -> Inputs:
    """One sound without its padding."""
    assert inputs.mask is not None
    frames = int(inputs.mask[row].sum())
    return Inputs(inputs.values[row : row + 1, :frames], None, torch.tensor([True]))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("stem_widths", [(), (4,)])
def test_padding_changes_nothing(sounds: Inputs, pooling: str, stem_widths: tuple) -> None:
    encode = encoder(pooling=pooling, stem_widths=stem_widths)
    noise = torch.where(sounds.mask[:, :, None], sounds.values, torch.full((), 7.0))
    noisy = encode(replace(sounds, values=noise))
    for row in range(4):
        single = encode(alone(sounds, row))
        torch.testing.assert_close(noisy.pooled[row], single.pooled[0])
        real = noisy.tokens.mask[row]
        torch.testing.assert_close(noisy.tokens.values[row, real], single.tokens.values[0])
        patches = -(-int(sounds.mask[row].sum()) // 4) * (MEL_BINS // 4)
        assert real.sum() == patches + (pooling == "class")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("stem_widths", [(), (4,)])
def test_a_long_sound_is_its_windows(pooling: str, stem_widths: tuple) -> None:
    """The last window is short, and beside it lies a sound that has only one."""
    encode = encoder(pooling=pooling, stem_widths=stem_widths)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 2 * FRAMES + 7, MEL_BINS, generator=generator)
    mask = torch.arange(2 * FRAMES + 7) < torch.tensor([[2 * FRAMES + 7], [9]])
    both = encode(Inputs(values, mask, torch.tensor([True, True])))
    windows = [
        encode(Inputs(part, None, torch.tensor([True]))) for part in values[:1].split(FRAMES, dim=1)
    ]
    first = int(pooling == "class")
    parts = [window.tokens.values[0, first:] for window in windows]
    found = both.tokens.values[0, both.tokens.mask[0]]
    torch.testing.assert_close(found[first:], torch.cat(parts))
    if pooling == "class":
        mean = torch.stack([window.pooled[0] for window in windows]).mean(dim=0)
        torch.testing.assert_close(both.pooled[0], mean)
    if pooling == "mean":
        torch.testing.assert_close(both.pooled[0], torch.cat(parts).mean(dim=0))
    short = encode(Inputs(values[1:, :9], None, torch.tensor([True])))
    torch.testing.assert_close(both.pooled[1], short.pooled[0])


def test_dropped_patches(sounds: Inputs) -> None:
    """Each sound keeps its share of its own patches; evaluation keeps all."""
    encode = encoder(drop_patches=0.5)
    whole = encode(sounds).tokens.mask.sum(dim=1)
    encode.train()
    generator = torch.Generator().manual_seed(0)
    kept = encode(sounds, generator).tokens.mask.sum(dim=1)
    assert torch.equal(kept, (whole * 0.5).round().long())
    assert torch.equal(encode(sounds).tokens.mask.sum(dim=1), whole)
    generator = torch.Generator().manual_seed(0)
    again = [encode(sounds, generator.manual_seed(1)).pooled for _ in range(2)]
    assert torch.equal(*again)


def test_absent_sounds_are_not_encoded() -> None:
    present = torch.tensor([True, False, True])
    inputs = small_sounds(present, torch.Generator().manual_seed(0))
    encoding = encoder()(inputs)
    assert not encoding.pooled[1].any()
    assert not encoding.tokens.mask[1].any()
    assert torch.equal(encoding.present, present)


def test_every_weight_learns(sounds: Inputs) -> None:
    encode = encoder(pooling="class", stem_widths=[4]).train()
    encode(sounds).tokens.values.square().sum().backward()
    assert all(weight.grad is not None for weight in encode.parameters())


def test_sizes_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match="8 mel bins do not divide into patches of 3"):
        encoder(patch_bins=3)
    with pytest.raises(ValidationError, match=r"shrinks the spectrogram 8 times, which must div"):
        encoder(stem_widths=[4, 4, 4])
