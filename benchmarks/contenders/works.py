"""What `train_step.py` measures: the sizes, and random data that is the same for every contender.

Shapes: B samples, 3 colours, S x S pixels, N tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sensorium.training.precision import Precision

BATCHES = 4  # different ones, taken in turn
PAD, MASK, START, END = 0, 1, -2, -1  # ids; the last two count from the vocabulary's end
CAPTION_TOKENS = (6, 20)  # shortest and longest, with their start and end


@dataclass(frozen=True)
class Setting:
    """Where and how everybody computes. `folder` is for what a loop writes, which is nothing."""

    device: torch.device
    precision: Precision
    folder: Path


@dataclass(frozen=True)
class ContrastiveWork:
    """A contrastive step over pictures and captions."""

    image_size: int
    patch_size: int
    width: int
    image_depth: int
    text_depth: int
    heads: int
    vocabulary: int
    context_tokens: int
    batch_size: int

    def __str__(self) -> str:
        return (
            f"contrastive step: image {self.image_size}x{self.image_size} patch {self.patch_size}, "
            f"width {self.width}, {self.image_depth} layers, {self.heads} heads; text context "
            f"{self.context_tokens}, {self.text_depth} layers, vocabulary {self.vocabulary:,}; "
            f"batch {self.batch_size}"
        )


@dataclass(frozen=True)
class FusedWork(ContrastiveWork):
    """A step with contrast, matching and masked words through a fusion, as ALBEF has it."""

    fusion_depth: int
    hidden: float

    def __str__(self) -> str:
        same = super().__str__().removeprefix("contrastive step: ").rpartition("; ")
        return (
            f"contrastive, matching and masked language step: {same[0]}; {self.fusion_depth} "
            f"fusion layers, {self.hidden:.0%} of the words hidden; {same[2]}"
        )


@dataclass(frozen=True)
class ClassificationWork:
    """A classification step over pictures."""

    image_size: int
    patch_size: int
    width: int
    depth: int
    heads: int
    classes: int
    batch_size: int

    def __str__(self) -> str:
        return (
            f"classification step: image {self.image_size}x{self.image_size} patch "
            f"{self.patch_size}, width {self.width}, {self.depth} layers, {self.heads} heads, "
            f"{self.classes:,} classes; batch {self.batch_size}"
        )


Work = ContrastiveWork | FusedWork | ClassificationWork

WORKS: dict[str, Work] = {
    "contrastive": ContrastiveWork(
        image_size=64, patch_size=8, width=192, image_depth=6, text_depth=3, heads=3,
        vocabulary=5000, context_tokens=24, batch_size=256,
    ),
    "fused": FusedWork(
        image_size=64, patch_size=8, width=192, image_depth=6, text_depth=3, heads=3,
        vocabulary=5000, context_tokens=24, batch_size=128, fusion_depth=3, hidden=0.25,
    ),
    "vit_small": ClassificationWork(
        image_size=224, patch_size=16, width=384, depth=12, heads=6, classes=1000, batch_size=16
    ),
    "vit_tiny": ClassificationWork(
        image_size=64, patch_size=8, width=256, depth=6, heads=4, classes=1000, batch_size=64
    ),
}  # fmt: skip


def draw_pictures(work: Work, seed: int) -> Tensor:
    """uint8 [B, 3, S, S]."""
    generator = torch.Generator().manual_seed(seed)
    shape = (work.batch_size, 3, work.image_size, work.image_size)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def draw_captions(work: ContrastiveWork, seed: int) -> list[Tensor]:
    """B captions, int64 [N] each: a start, words, an end."""
    generator = torch.Generator().manual_seed(seed)
    shortest, longest = CAPTION_TOKENS
    lengths = torch.randint(shortest, longest + 1, (work.batch_size,), generator=generator)
    captions = []
    for length in lengths.tolist():
        caption = torch.randint(MASK + 1, work.vocabulary + START, (length,), generator=generator)
        caption[0], caption[-1] = work.vocabulary + START, work.vocabulary + END
        captions.append(caption)
    return captions


def draw_labels(work: ClassificationWork, seed: int) -> Tensor:
    """int64 [B]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(work.classes, (work.batch_size,), generator=generator)


def as_float(pictures: Tensor) -> Tensor:
    """The same pictures as a peer's own transform hands them over: float32, from -1 to 1."""
    return pictures.float() / 127.5 - 1
