"""Pictures -> tokens: the Vision Transformer of the document, section 4.

Shapes: P pictures present, 3 colours, H x W pixels, N patches, D width.

Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium.batch import Inputs
from sensorium.encoders.patched import Patches
from sensorium.encoders.pixels import PixelEncoder, PixelEncoderConfig
from sensorium.layers.patches import (
    choose_patches,
    cut_patches,
    draw_kept_patches,
    join_patches,
    take_patches,
)


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
        drop = self.drop_patches if generator is not None and self.drops_now else 0.0
        kept = mask = None
        if grids is not None:
            kept, mask = choose_patches(grids.flatten(1), drop, generator)
        elif generator is not None and drop:
            rows, columns = self._grid_of(image)
            kept = draw_kept_patches(len(image), rows * columns, drop, generator)
        return self.embed_patches(*self.patches(image, grids), kept, mask)

    def embed_patches(
        self, patches: Tensor, positions: Tensor, kept: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Patches [P, N, v] with positions [N, D] or [P, N, D], of which `kept` [P, K] stay, those
        that `mask` [P, K] holds true -> what enters the Transformer.
        """
        if kept is not None:
            patches = take_patches(patches, kept)
            own = positions.dim() == 3
            positions = take_patches(positions, kept) if own else F.embedding(kept, positions)
        x = self.patch_embedding(patches) + positions
        if self.pooling == "class":
            x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
            mask = None if mask is None else F.pad(mask, (1, 0), value=True)
        return x, mask

    def real_patches(self, inputs: Inputs) -> Tensor:
        """As `PatchedEncoder.real_patches`."""
        if inputs.mask is not None:
            return inputs.mask.flatten(1)
        rows, columns = self._grid_of(inputs.values)
        return inputs.present.new_ones(len(inputs.values), rows * columns)

    def patches_of(self, inputs: Inputs) -> Patches:
        """As `PatchedEncoder.patches_of`: normalised pixels, by colour, row and column."""
        pixels = self._normalised(inputs.values, torch.float32)
        return Patches(cut_patches(pixels, self.patch_size), self._grid_of(inputs.values))

    def pictures_of(self, patches: Patches) -> Tensor:
        """The pictures uint8 [P, 3, H, W] that `patches_of` has cut."""
        pixels = join_patches(patches.values, patches.grid, self.patch_size)
        pixels = pixels * self.deviation[:, None, None] + self.mean[:, None, None]
        return pixels.round().clamp(0, 255).to(torch.uint8)

    def encode_visible(self, inputs: Inputs, visible: Tensor) -> tuple[Tensor, Tensor]:
        """As `PatchedEncoder.encode_visible`."""
        kept, there = choose_patches(visible, 0.0, None)
        grid = visible.unflatten(1, self._grid_of(inputs.values))
        patches, positions = self.patches(inputs.values, inputs.mask, grid)
        padded = None if inputs.mask is None else there
        x = self.transformer(*self.embed_patches(patches, positions, kept, padded))
        return x[:, -kept.shape[1] :], there

    def _grid_of(self, image: Tensor) -> tuple[int, int]:
        """Rows and columns of patches."""
        return image.shape[-2] // self.patch_size, image.shape[-1] // self.patch_size
