"""A sample as numbers that can be changed bit by bit, from nothing in it to all of it.

    picture, video   pixels; blank: its commonest level of each colour everywhere, which what it
                     shows stands out against
    sound            its spectrogram; blank: silence
    words            embeddings of its tokens; blank: each is [mask], a word but not which

Shapes: V views of one sample, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sensorium.batch import Batch, Inputs
from sensorium.encoders import TextEncoder
from sensorium.model import Model


@dataclass(frozen=True)
class Span:
    """One modality of one sample, between nothing and all of it.

    Attributes:
        whole: [1, ...], as the encoder takes it.
        blank: the same with nothing in it.
        mask: as in `Inputs`, of the one sample.
    """

    whole: Tensor
    blank: Tensor
    mask: Tensor | None

    def between(self, shares: Float[Tensor, " V"]) -> Tensor:
        """[V, ...]: so much of it each time, from 0 to 1."""
        shares = shares.view(-1, *[1] * (self.whole.dim() - 1))
        return self.blank + shares * (self.whole - self.blank)

    def inputs(self, values: Tensor) -> Inputs:
        """Views of the sample, of which these are the values [V, ...]."""
        views = len(values)
        mask = None if self.mask is None else self.mask.expand(views, *self.mask.shape[1:])
        return Inputs(values, mask, self.whole.new_ones(views, dtype=torch.bool))


def spans(
    model: Model, batch: Batch, mask_id: int, special_ids: Collection[int]
) -> dict[str, Span]:
    """Modality -> its span, of those that the one sample has and the model knows.

    Args:
        model: f.
        batch: one sample.
        mask_id: of the token that stands for any word.
        special_ids: tokens that are no words, and stay as they are.
    """
    found = {}
    for modality in model.widths:
        inputs = batch.inputs.get(modality)
        if inputs is not None and inputs.present.any():
            encoder = model.encoders[modality]
            values = inputs.values
            if isinstance(encoder, TextEncoder):
                special = torch.tensor(sorted(special_ids), device=values.device)
                hidden = values.where(torch.isin(values, special), mask_id)
                whole, blank = (encoder.embedding(ids).detach().float() for ids in (values, hidden))
            else:
                whole = values.float()
                blank = _flat(whole) if modality in ("image", "video") else torch.zeros_like(whole)
            found[modality] = Span(whole, blank, inputs.mask)
    return found


def _flat(pixels: Float[Tensor, "*F C H W"]) -> Tensor:
    """Every colour's middle level, in every frame."""
    colours = pixels.movedim(-3, 0).flatten(1).median(dim=1).values
    return colours[:, None, None].expand_as(pixels)
