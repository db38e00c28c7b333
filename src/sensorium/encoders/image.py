"""Pictures -> tokens: the Vision Transformer of the document, section 4.

Shapes: P pictures present, 3 colours, H x W pixels, N patches, D width.

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from sensorium.batch import Inputs
from sensorium.encoders.encoder import Encoder, EncoderConfig
from sensorium.layers.patches import cut_patches, draw_kept_patches, resize_positions, take_patches
from sensorium.layers.stem import ConvolutionalStem
from sensorium.layers.transformer import initialise_transformer


class ImageEncoderConfig(EncoderConfig):
    """A Vision Transformer."""

    stem_widths: tuple[int, ...] = ()
    """Channels of convolutions in front of the patches, each of which halves height and width:
    [32, 64] learns far faster from little data. None is the plain Vision Transformer."""
    patch_size: int = Field(8, gt=0)
    """Side of a patch, in pixels; it must divide the picture's size."""
    drop_patches: float = Field(0.0, ge=0, lt=1)
    """Share of the patches that a training step leaves out (FLIP): 0.5 nearly halves its cost."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each colour, on the scale 0 to 1."""
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Divides each colour, on the scale 0 to 1."""

    @model_validator(mode="after")
    def _stem_fits_in_patch(self) -> ImageEncoderConfig:
        stride = 2 ** len(self.stem_widths)
        if self.patch_size % stride:
            raise ValueError(
                f"stem_widths={list(self.stem_widths)} shrinks the picture {stride} times, which "
                f"must divide patch_size={self.patch_size}"
            )
        return self


class ImageEncoder(Encoder):
    """Cut into patches, embed them linearly, add positions, and encode.

    Args:
        config: its settings.
        image_size: height and width, in pixels, that the learned positions are for. Other sizes
            are encoded too: their positions are interpolated.

    Raises:
        ValueError: where the patch size does not divide the image size.
    """

    def __init__(self, config: ImageEncoderConfig, image_size: int) -> None:
        super().__init__(config)
        if image_size % config.patch_size:
            raise ValueError(
                f"a picture of {image_size}x{image_size} pixels does not divide into patches of "
                f"{config.patch_size}x{config.patch_size}"
            )
        self.patch_size = config.patch_size
        self.drop_patches = config.drop_patches
        self.grid = (image_size // config.patch_size,) * 2
        self.stem = ConvolutionalStem(3, config.stem_widths)
        self.patch_embedding = nn.Linear(
            self.stem.channels * (config.patch_size // self.stem.stride) ** 2, config.width
        )
        self.positions = nn.Parameter(torch.empty(self.grid[0] * self.grid[1], config.width))
        if config.pooling == "class":
            self.class_token = nn.Parameter(torch.zeros(config.width))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(config.mean), persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(config.deviation), persistent=False)
        self.apply(initialise_transformer)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        x = self.embed(inputs.values, generator)
        return self.transformer(x), None

    def embed(self, image: Tensor, generator: torch.Generator | None) -> Tensor:
        """uint8 [P, 3, H, W], or float of the same scale -> patch embeddings [P, N, D]."""
        patches = cut_patches(
            self.stem(self._normalised(image)), self.patch_size // self.stem.stride
        )
        rows, columns = (side // self.patch_size for side in image.shape[2:])
        positions = resize_positions(self.positions, self.grid, (rows, columns))
        if self.drop_patches and self.training and generator is not None:
            kept = draw_kept_patches(
                patches.shape[0], patches.shape[1], self.drop_patches, generator
            )
            patches, positions = take_patches(patches, kept), F.embedding(kept, positions)
        x = self.patch_embedding(patches) + positions
        if self.pooling == "class":
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
        return x

    def _normalised(self, image: Tensor) -> Tensor:
        """Pixel values 0 to 255 -> the encoder's scale and precision, colour by colour."""
        colours = image.to(self.patch_embedding.weight.dtype)
        mean, deviation = (x.to(colours.dtype)[:, None, None] for x in (self.mean, self.deviation))
        return (colours - mean) / deviation
