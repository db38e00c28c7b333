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
from sensorium.layers.patches import choose_patches, draw_kept_patches, take_patches


class ImageEncoderConfig(PixelEncoderConfig):
    """A Vision Transformer."""


class ImageEncoder(PixelEncoder):
    """Cut into patches, embed them linearly, add positions, and encode."""

    def __init__(self, config: ImageEncoderConfig, image_size: int) -> None:
        super().__init__(config, image_size)

    def embed_and_encode(
        self, inputs: Inputs, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        x, mask = self.embed(inputs.values, inputs.mask, generator)
        return self.transformer(x, mask), mask

    def embed(
        self, image: Tensor, grids: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | None]:
        """uint8 [P, 3, H, W], or float of the same scale -> patch embeddings [P, N, D], and their
        mask [P, N].

        Args:
            image: the pictures, those of a smaller shape at the top left.
            grids: [P, rows, columns], which of the patches are real; None where all are. Padding
                is left out before the Transformer: N is what the picture of most patches has.
            generator: draws the patches that are dropped.
        """
        mask = None
        patches, positions = self.patches(image, grids)
        drops = generator is not None and self.drops_now
        if grids is not None:
            kept, mask = choose_patches(
                grids.flatten(1), self.drop_patches if drops else 0.0, generator
            )
            patches, positions = take_patches(patches, kept), take_patches(positions, kept)
        elif generator is not None and drops:
            P, N = patches.shape[:2]
            kept = draw_kept_patches(P, N, self.drop_patches, generator)
            patches, positions = take_patches(patches, kept), F.embedding(kept, positions)
        x = self.patch_embedding(patches) + positions
        if self.pooling == "class":
            x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)
            mask = None if mask is None else F.pad(mask, (1, 0), value=True)
        return x, mask
