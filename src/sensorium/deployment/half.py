"""A model computed in bfloat16, where that is faster here and says the same within a hundredth.

Encoders and fusion have weights and activations of 16 bits; what they give is float32 again, and
the heads of the tasks compute in that: rounding a logit near 10 to 8 bits would cost more than all
layers before it do.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median
from typing import Literal

import torch

from sensorium.batch import Batch, Encoding, Fused, Inputs, Tokens
from sensorium.deployment.graphs.heads import heads_of
from sensorium.deployment.graphs.proof import Eager, largest_difference, outputs_of
from sensorium.device import bfloat16_speed
from sensorium.model import Model
from sensorium.tasks import Mixture

Wanted = Literal["auto", "float32", "bfloat16"]

TOLERANCE = 1e-2
"""Of what people are told, on a scale of 1: embeddings, probabilities, similarities."""
CLEARLY_FASTER = 1.1
"""Below this nobody would see it, and float32 is the same on every machine."""
PRODUCTS_FASTER = 1.3
"""Products of matrices that are no faster than this are not worth a try with the model: without
instructions for it, bfloat16 is a hundred times slower."""
ROUNDS = 3


class HalfModel(Model):
    """Encoders and fusion in bfloat16 between inputs and outputs in float32.

    Where a gradient is asked for, as for an explanation, it is the model as it was that computes.
    """

    def __init__(self, model: Model) -> None:
        encoders = {name: copy.deepcopy(encoder) for name, encoder in model.encoders.items()}
        super().__init__(encoders, copy.deepcopy(model.fusion))
        self._as_it_was = (model,)  # in a tuple, so that its weights are not taken for ours
        for parameter in self.parameters():  # buffers keep what they hold: means, positions, counts
            parameter.data = parameter.data.to(torch.bfloat16)

    def encode_modality(
        self, modality: str, inputs: Inputs, generator: torch.Generator | None = None
    ) -> Encoding:
        if inputs.values.requires_grad:
            return self._as_it_was[0].encode_modality(modality, inputs, generator)
        return super().encode_modality(modality, inputs, generator).to(torch.float32)

    def fuse(self, encodings: dict[str, Encoding]) -> Fused:
        if any(encoding.pooled.requires_grad for encoding in encodings.values()):
            return self._as_it_was[0].fuse(encodings)
        fused = super().fuse({m: e.to(torch.bfloat16) for m, e in encodings.items()})
        tokens = {m: Tokens(t.values.float(), t.mask) for m, t in fused.tokens.items()}
        return Fused(tokens, fused.vector.float())


def settle_precision(mixture: Mixture, wanted: Wanted, batch: Callable[[], Batch]) -> str:
    """Let the mixture compute in the precision that is wanted; `auto` measures which it is.

    Args:
        mixture: in float32; its model is replaced where the other is taken.
        wanted: `auto` takes bfloat16 where it is clearly faster on this machine and proved to say
            the same within `TOLERANCE`.
        batch: makes some samples that have every modality, on the mixture's device.

    Returns:
        What was taken, and why, in words.
    """
    device = next(mixture.parameters()).device
    if wanted == "float32":
        return "float32 by PyTorch"
    if wanted == "auto" and bfloat16_speed(device) < PRODUCTS_FASTER:
        return "float32 by PyTorch: bfloat16 is not faster here"
    half = HalfModel(mixture.model).eval()
    tasks = dict(mixture.tasks.items())
    other = Mixture(half, tasks, mixture.weights, mixture.sources).eval()
    if wanted == "auto":
        samples = batch()
        ratio = _seconds(mixture, samples) / _seconds(other, samples)
        if ratio < CLEARLY_FASTER:
            return f"float32 by PyTorch: bfloat16 is {ratio:.1f} times as fast here"
        if (difference := difference_of(mixture, other, samples)) > TOLERANCE:
            return f"float32 by PyTorch: bfloat16 says something else by {difference:.1e}"
        mixture.model = half
        return f"bfloat16 by PyTorch: {ratio:.1f} times as fast, the same within {difference:.0e}"
    mixture.model = half
    return "bfloat16 by PyTorch, as asked"


def difference_of(mixture: Mixture, other: Mixture, batch: Batch) -> float:
    """The largest difference of what people are told; without a head, of the vectors, over their
    largest value."""
    heads = heads_of(mixture)
    likely = {output.name: head.likely for head in heads for output in head.outputs}
    expected, got = (outputs_of(Eager(one), heads, batch) for one in (mixture, other))
    if likely:
        told = [(of(expected[n]), of(got[n])) for n, of in likely.items() if n in expected]
    else:
        names = [n for n in expected if n.endswith(("pooled", "vector"))]
        told = [(expected[n] / (s := expected[n].abs().max()), got[n] / s) for n in names]
    return max(largest_difference(*pair) for pair in told)


@torch.inference_mode()
def _seconds(mixture: Mixture, batch: Batch) -> float:
    """For one pass over the samples, the median of some after the first."""
    seconds = []
    for _ in range(1 + ROUNDS):
        started = time.perf_counter()
        encodings = mixture.model.encode(batch)
        if mixture.model.fusion is not None:
            mixture.model.fuse(encodings)
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])
