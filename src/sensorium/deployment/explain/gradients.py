"""Integrated gradients: how much of a figure every value that enters the model accounts for.

    a_i = (x_i - b_i)  *  mean over points z from b to x of  d figure / d z_i

b is the blank of `views.py`; one modality fades at a time, and the others stay whole. What the
values of a modality account for adds up to the figure less that with a blank in its place, but for
how finely the way is cut. Nothing is asked of the model but gradients, so it holds for every
encoder and every fusion, with attention or without; and a place in what enters is a place in the
picture, which a token behind an encoder's layers is no more.

Shapes: V points of the way.

Source: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks".
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sensorium.batch import Encoding
from sensorium.deployment.explain.views import Span
from sensorium.model import Model
from sensorium.tasks.claim import Claim

POINTS = 32
POINTS_AT_A_TIME = 8


def integrated_gradients(
    model: Model,
    claim: Claim,
    encodings: Mapping[str, Encoding],
    spans: Mapping[str, Span],
    points: int = POINTS,
) -> dict[str, Tensor]:
    """What every value of the one sample adds to a claim about it.

    Args:
        model: f.
        claim: about this sample.
        encodings: of the sample.
        spans: modality -> its span.
        points: how many gradients are taken on the way.

    Returns:
        Modality -> the shape of its span, of those that the claim is told from.
    """
    return {
        modality: _of_modality(model, claim, encodings, modality, span, points)
        for modality, span in spans.items()
        if modality in claim.modalities
    }


def _of_modality(
    model: Model,
    claim: Claim,
    encodings: Mapping[str, Encoding],
    modality: str,
    span: Span,
    points: int,
) -> Tensor:
    total = torch.zeros_like(span.whole)
    shares = (torch.arange(points, device=span.whole.device) + 0.5) / points
    for some in shares.split(POINTS_AT_A_TIME):
        rows = torch.zeros_like(some).long()
        seen = {m: encoding.rows(rows) for m, encoding in encodings.items()}
        values = span.between(some).requires_grad_()
        with torch.enable_grad():
            seen[modality] = model.encode_modality(modality, span.inputs(values))
            (gradient,) = torch.autograd.grad(claim.figure(seen, rows).sum(), values)
        total += gradient.sum(dim=0, keepdim=True)
    return (span.whole - span.blank) * total / points
