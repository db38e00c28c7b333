"""What the encoders of pictures and of videos share: pixels -> patch embeddings.

Shapes: P pictures, 3 colours, H x W pixels, N patches, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.encoders.encoder import Encoder, EncoderConfig
from sensorium.layers.patches import cut_patches, positions_of_grids, resize_positions
from sensorium.layers.positions import sine_positions
from sensorium.layers.stem import ConvolutionalStem, StemNorm, Stride
from sensorium.layers.transformer import Transformer, initialise_transformer


class PixelEncoderConfig(EncoderConfig):
    """A Transformer over patches of pixels."""

    stem_widths: tuple[int, ...] = ()
    """Channels of convolutions in front of the patches, each of which halves height and width:
    [32, 64] learns far faster from little data. None is the plain Vision Transformer."""
    stem_strides: tuple[Stride, ...] = ()
    """The stride of each of them, where they shall not all be 2: [1, 2, 1, 2] halves height and
    width by every second one, and sees more in small pictures."""
    stem_norm: StemNorm = "sample"
    """What a norm between them takes together: the whole `sample`, or each `channel` by itself,
    with which small things on a plain ground are told apart far sooner."""
    patch_size: int = Field(8, gt=0)
    """Side of a patch, in pixels; it must divide the picture's size."""
    drop_patches: float = Field(0.0, ge=0, lt=1)
    """Share of the patches that a training step leaves out (FLIP): 0.5 nearly halves its cost."""
    initial_positions: Literal["small", "sine"] = "small"
    """What the learned positions begin as: `small` random values, or `sine`s and cosines of row and
    column, as large as what the patches show; then where things lie is learned far sooner."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each colour, on the scale 0 to 1."""
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Divides each colour, on the scale 0 to 1."""

    @model_validator(mode="after")
    def _stem_fits_in_patch(self) -> PixelEncoderConfig:
        if self.stem_strides and len(self.stem_strides) != len(self.stem_widths):
            raise ValueError(
                f"stem_strides={list(self.stem_strides)} must have one stride for each of "
                f"stem_widths={list(self.stem_widths)}, or none"
            )
        stride = math.prod(self.stem_strides or [2] * len(self.stem_widths))
        if self.patch_size % stride:
            raise ValueError(
                f"stem_widths={list(self.stem_widths)} shrinks the picture {stride} times, which "
                f"must divide patch_size={self.patch_size}"
            )
        return self

    @model_validator(mode="after")
    def _sines_fit_in_width(self) -> PixelEncoderConfig:
        if self.initial_positions == "sine" and self.width % 4:
            raise ValueError(
                f"with initial_positions=sine, width={self.width} must be a multiple of 4"
            )
        return self


class PixelEncoder(Encoder):
    """The parts that turn pixels into patch embeddings.

    Args:
        config: its settings.
        image_size: height and width, in pixels, that the learned positions are for. Other sizes
            are encoded too: their positions are interpolated.
        pictures: how many pictures one patch embedding takes in, one after the other.
        transformer: what encodes the embeddings.

    Attributes:
        patch_values: pixels of a patch, of all colours.

    Raises:
        ValueError: where the patch size does not divide the image size.
    """

    def __init__(
        self,
        config: PixelEncoderConfig,
        image_size: int,
        pictures: int = 1,
        transformer: type[Transformer] = Transformer,
    ) -> None:
        super().__init__(config, transformer)
        if image_size % config.patch_size:
            raise ValueError(
                f"a picture of {image_size}x{image_size} pixels does not divide into patches of "
                f"{config.patch_size}x{config.patch_size}"
            )
        self.patch_size = config.patch_size
        self.drop_patches = config.drop_patches
        self.grid = (image_size // config.patch_size,) * 2
        self.stem = ConvolutionalStem(3, config.stem_widths, config.stem_norm, config.stem_strides)
        self.patch_values = 3 * config.patch_size**2
        stemmed_values = self.stem.channels * (config.patch_size // self.stem.stride) ** 2
        self.patch_embedding = nn.Linear(pictures * stemmed_values, config.width)
        self.positions = nn.Parameter(torch.empty(self.grid[0] * self.grid[1], config.width))
        if config.pooling == "class":
            self.class_token = nn.Parameter(torch.zeros(config.width))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(config.mean), persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(config.deviation), persistent=False)
        self.apply(initialise_transformer)
        if config.initial_positions == "small":
            nn.init.trunc_normal_(self.positions, std=0.02)
        else:
            self.positions.data.copy_(sine_positions(*self.grid, config.width))

    def patches(
        self, image: Tensor, grids: Tensor | None = None, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """uint8 [P, 3, H, W], or float of the same scale -> the values of its patches
        [P, N, patch_values], after the stem, and the positions [N, D] of a picture of its size.

        With `grids` [P, rows, columns], True where a picture has a patch, positions are [P, N, D],
        each picture's own. With `visible` [P, rows, columns], the stem sees only those patches.
        """
        patch_size, stride = self.patch_size, self.stem.stride
        pixels = self._normalised(image)
        seen = grids if visible is None else visible
        if seen is not None:
            seen = seen.repeat_interleave(patch_size, 1).repeat_interleave(patch_size, 2)
        if seen is not None and visible is not None:
            pixels = pixels * seen[:, None]
        values = cut_patches(self.stem(pixels, seen), patch_size // stride)
        if grids is not None:
            return values, positions_of_grids(self.positions, self.grid, grids)
        rows, columns = (side // patch_size for side in image.shape[2:])
        return values, resize_positions(self.positions, self.grid, (rows, columns))

    def fit_positions(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Learned positions are interpolated where the number of patches differs."""
        fitted = dict(weights)
        if "positions" in fitted:
            side = round(len(fitted["positions"]) ** 0.5)
            fitted["positions"] = resize_positions(fitted["positions"], (side, side), self.grid)
        return fitted

    @property
    def drops_now(self) -> bool:
        """Whether patches are left out at present."""
        return self.training and self.drop_patches > 0

    def _normalised(self, image: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Pixel values 0 to 255 -> the encoder's scale, and by default its precision, colour by
        colour."""
        colours = image.to(dtype or self.patch_embedding.weight.dtype)
        mean, deviation = (x.to(colours.dtype)[:, None, None] for x in (self.mean, self.deviation))
        return (colours - mean) / deviation
