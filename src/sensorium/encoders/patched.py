"""What a task that hides patches asks of an encoder: what each patch holds, and the visible ones
encoded alone.

Shapes: P rows present, N patches, K <= N of them visible, v values of a patch, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from sensorium.batch import Inputs


@dataclass(frozen=True)
class Patches:
    """What is to be seen in every patch.

    Attributes:
        values: on the encoder's scale, before any stem, float32.
        grid: rows and columns of patches; N is their product, row by row.
    """

    values: Float[Tensor, "P N v"]
    grid: tuple[int, int]


@runtime_checkable
class PatchedEncoder(Protocol):
    """An encoder over a grid of patches.

    Attributes:
        width: D.
        patch_values: v.
    """

    width: int
    patch_values: int

    def real_patches(self, inputs: Inputs) -> Bool[Tensor, "P N"]:
        """Which patches are not padding."""
        ...

    def patches_of(self, inputs: Inputs) -> Patches:
        """What every patch holds."""
        ...

    def encode_visible(
        self, inputs: Inputs, visible: Bool[Tensor, "P N"]
    ) -> tuple[Float[Tensor, "P K D"], Bool[Tensor, "P K"]]:
        """The visible patches of each row, side by side in their order, encoded as if there were no
        others; and which of the tokens are there.

        Args:
            visible: of the real patches, of each row at least one.
        """
        ...
