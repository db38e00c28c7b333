"""Pictures -> tokens: the Vision Transformer of the document, section 4.

Shapes: P pictures present, 3 colours, H x W pixels, N patches, D width.

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium.batch import Inputs
from sensorium.encoders.pixels import PixelEncoder, PixelEncoderConfig
from sensorium.layers.patches import draw_kept_patches, take_patches


class ImageEncoderConfig(PixelEncoderConfig):
    """A Vision Transformer."""


class ImageEncoder(PixelEncoder):
    """Cut into patches, embed them linearly, add positions, and encode."""

    def __init__(self, config: ImageEncoderConfig, image_size: int) -> None:
        super().__init__(config, image_size)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        x = self.embed(inputs.values, generator)
        return self.transformer(x), None

    def embed(self, image: Tensor, generator: torch.Generator | None) -> Tensor:
        """uint8 [P, 3, H, W], or float of the same scale -> patch embeddings [P, N, D]."""
        patches, positions = self.patches(image)
        if generator is not None and self.drops_now:
            P, N = patches.shape[:2]
            kept = draw_kept_patches(P, N, self.drop_patches, generator)
            patches, positions = take_patches(patches, kept), F.embedding(kept, positions)
        x = self.patch_embedding(patches) + positions
        if self.pooling == "class":
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
        return x
