"""Augmentation is a function of its generator alone, and does what its settings say."""

from random import Random
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from sensorium.data import AugmentConfig, augment
from sensorium.data.augment import OPERATIONS

WHITE = (255, 255, 255)
OFF: dict[str, Any] = {"shift": 0}


@pytest.fixture
def picture() -> Tensor:
    return torch.randint(0, 256, (3, 16, 16), generator=torch.manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize(
    "settings",
    [
        {"shift": 0.25},
        {**OFF, "scale": (0.3, 0.9)},
        {**OFF, "flip": 0.5},
        {**OFF, "colour_jitter": 0.5},
        {**OFF, "randaugment_operations": 2, "randaugment_magnitude": 0.5},
    ],
)
def test_same_draw_same_picture(picture: Tensor, settings: dict[str, Any]) -> None:
    config = AugmentConfig(**settings)
    original = picture.clone()
    seen = [augment(picture, config, WHITE, Random(seed)) for seed in range(6)]
    again = [augment(picture, config, WHITE, Random(seed)) for seed in range(6)]
    for one, other in zip(seen, again, strict=True):
        assert torch.equal(one, other)
        assert one.shape == picture.shape
        assert one.dtype == torch.uint8
    assert any(not torch.equal(seen[0], one) for one in seen[1:])
    assert torch.equal(picture, original)


def test_nothing_to_do_changes_nothing(picture: Tensor) -> None:
    assert torch.equal(augment(picture, AugmentConfig(**OFF), WHITE, Random(0)), picture)


def test_shift_moves_and_shows_the_background(picture: Tensor) -> None:
    background = (1, 2, 3)
    offsets = set()
    for seed in range(300):
        moved = augment(picture, AugmentConfig(shift=0.125), background, Random(seed))
        found = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if _equals_moved(moved, picture, down, right, background)
        ]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) == 25


def _equals_moved(
    moved: Tensor, picture: Tensor, down: int, right: int, background: tuple[int, int, int]
) -> bool:
    wide = torch.tensor(background, dtype=torch.uint8)[:, None, None].repeat(1, 20, 20)
    wide[:, 2 + down : 18 + down, 2 + right : 18 + right] = picture
    return torch.equal(moved, wide[:, 2:18, 2:18])


def test_flip_is_a_mirror(picture: Tensor) -> None:
    flipped = augment(picture, AugmentConfig(shift=0, flip=1), WHITE, Random(0))
    assert torch.equal(flipped, picture.flip(2))


@pytest.mark.parametrize("operation", range(len(OPERATIONS)))
@pytest.mark.parametrize("strength", [-1.0, 0.3, 1.0])
def test_every_operation(picture: Tensor, operation: int, strength: float) -> None:
    image = Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy())
    changed = OPERATIONS[operation](image, strength, WHITE)
    assert changed.size == image.size
    assert changed.mode == "RGB"


@pytest.mark.parametrize("scale", [(0, 1), (0.5, 0.2), (0.5, 1.5)])
def test_scale_has_to_be_a_range(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected 0 < low <= high <= 1"):
        AugmentConfig(scale=scale)
