"""Mixup and CutMix: a sample made of two, which is of both their classes.

    mixup     x = l x_i + (1 - l) x_j                                     l ~ Beta(a, a)
    cutmix    x = x_j inside a box, which takes 1 - l of the picture, and x_i outside of it
    y = l y_i + (1 - l) y_j                of cutmix l is what is left of x_i, once the box is cut

Each sample is mixed with another that has the same modalities, drawn for the whole batch before it
is cut into parts; where it has several, all of them are mixed in the same shares, with the same
partner. Sounds of different lengths, and pictures of different shapes, are mixed where both have
something; what only one of them has stays as it is.

Shapes: B batch, P samples that have a modality, K those that are mixed.

Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Yun et al. 2019, "CutMix".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from scipy import special
from torch import Tensor

from sensorium.batch import Batch, Inputs
from sensorium.tasks.pairs import real_values

MIXED = "mixed "  # how the names of mixed inputs begin, in a prepared batch


@dataclass(frozen=True)
class Mixing:
    """How samples are mixed.

    Attributes:
        mixup: a of the shares of mixup; None does none.
        cutmix: the same of CutMix; with both, each sample is mixed by one of them, by lot.
    """

    mixup: float | None
    cutmix: float | None

    def mix(
        self,
        batch: Batch,
        modalities: Sequence[str],
        usable: Bool[Tensor, " B"],
        truth: Float[Tensor, "B C"],
        generator: torch.Generator,
    ) -> tuple[dict[str, Inputs], Float[Tensor, "B C"]]:
        """Mixed inputs by modality, and of which classes they are now.

        Args:
            batch: of the samples.
            modalities: that are mixed, as far as the batch has them.
            usable: which samples are mixed, and with which.
            truth: of which classes they are.
            generator: draws.
        """
        inputs = {m: batch.inputs[m] for m in modalities if m in batch.inputs}
        partner = draw_partners([i.present for i in inputs.values()], usable, generator)
        cut = self._cut(len(batch), generator)
        share = self._shares(cut, generator)
        mixed = {}
        for modality, of in inputs.items():
            place = (of.present.cumsum(0) - 1)[partner[of.present]]
            own, cut_own = share[of.present], cut[of.present]
            if self.mixup is not None:
                others = own.where(~cut_own, 1.0)
                mixed[modality] = mixup(of, place, others)
            if self.cutmix is not None:
                before = mixed.get(modality, of)
                mixed[modality], left = cutmix(
                    before, of, place, own.where(cut_own, 1.0), generator
                )
                share = share.masked_scatter(of.present & cut, left[cut_own])
        weight = share[:, None].to(truth.dtype)
        return mixed, weight * truth + (1 - weight) * truth.index_select(0, partner)

    def _cut(self, samples: int, generator: torch.Generator) -> Bool[Tensor, " B"]:
        """Which samples are mixed by a box."""
        device = generator.device
        if self.mixup is None or self.cutmix is None:
            return torch.full((samples,), self.mixup is None, device=device)
        return torch.rand(samples, generator=generator, device=device) < 0.5

    def _shares(self, cut: Bool[Tensor, " B"], generator: torch.Generator) -> Float[Tensor, " B"]:
        """l of each sample, the quantile of Beta(a, a) at a place drawn evenly."""
        places = torch.rand(len(cut), generator=generator, device=cut.device)
        of_mixup, of_cutmix = (a or 1.0 for a in (self.mixup, self.cutmix))
        a = torch.where(cut, of_cutmix, of_mixup).double().cpu().numpy()
        shares = special.betaincinv(a, a, places.double().cpu().numpy())
        return torch.from_numpy(shares).to(places)


def draw_partners(
    present: Sequence[Bool[Tensor, " B"]], usable: Bool[Tensor, " B"], generator: torch.Generator
) -> Int[Tensor, " B"]:
    """Another sample for each, with the same modalities; itself where it is not usable.

    Args:
        present: of each modality.
        usable: who takes part.
        generator: draws.
    """
    partner = torch.arange(len(usable), device=usable.device)
    kind = torch.zeros_like(partner)
    for there in present:
        kind = 2 * kind + there
    for one in kind[usable].unique():
        rows = ((kind == one) & usable).nonzero()[:, 0]
        order = torch.randperm(len(rows), generator=generator, device=rows.device)
        # Each meets the next in a drawn circle, so that nobody meets itself but who is alone.
        partner[rows[order]] = rows[order.roll(1)]
    return partner


def mixup(inputs: Inputs, partner: Int[Tensor, " P"], share: Float[Tensor, " P"]) -> Inputs:
    """Each item, and another of them, in shares.

    Args:
        inputs: the items.
        partner: place of the other, among the present ones.
        share: of the item itself.
    """
    own = inputs.values.float()
    other = own.index_select(0, partner)
    weight = share.view(-1, *[1] * (own.dim() - 1))
    values = weight * own + (1 - weight) * other
    if inputs.mask is None:
        return replace(inputs, values=values, items=None)
    mask = inputs.mask.index_select(0, partner)
    mask = inputs.mask | (mask & (share < 1).view(-1, *[1] * (mask.dim() - 1)))
    real = real_values(inputs.mask, own)
    values = values.where(real & real.index_select(0, partner), own.where(real, other))
    return replace(inputs, values=values * real_values(mask, own), mask=mask, items=None)


def cutmix(
    inputs: Inputs,
    others: Inputs,
    partner: Int[Tensor, " P"],
    share: Float[Tensor, " P"],
    generator: torch.Generator,
) -> tuple[Inputs, Float[Tensor, " P"]]:
    """Pictures with a box out of another; and what share is left of each.

    Args:
        inputs: [P, 3, H, W].
        others: where boxes are cut from, of the same shape.
        partner: place of the other.
        share: that a box of the picture's shape should leave; what reaches over the edge is lost.
        generator: draws its middle.
    """
    height, width = inputs.values.shape[2:]
    drawn = torch.rand(2, len(share), 1, generator=generator, device=share.device)
    half = ((1 - share).sqrt() / 2)[:, None]  # of the sides, as shares of the picture's
    inside = []
    for middle, side in zip(drawn, (height, width), strict=True):
        start, end = ((middle + way * half) * side for way in (-1, 1))
        place = torch.arange(side, device=share.device)
        inside.append((place >= start.round()) & (place < end.round()))
    taken = inside[0][:, :, None] & inside[1][:, None, :]  # [P, H, W]
    real = torch.ones_like(taken)
    if inputs.mask is not None:
        real = real_values(inputs.mask, inputs.values)[:, 0]
        taken = taken & real & real.index_select(0, partner)
    cut = others.values.index_select(0, partner).to(inputs.values.dtype)
    values = torch.where(taken[:, None], cut, inputs.values)
    left = 1 - taken.sum(dim=(1, 2)) / real.sum(dim=(1, 2))
    return replace(inputs, values=values, items=None), left.to(share.dtype)
