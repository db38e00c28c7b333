"""An exponential moving average of the weights (EMA): steadier than the last step's weights.

Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, "Mean teachers".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """average = decay * average + (1 - decay) * weights, after every step.

    The decay grows to its value over the first steps, so that the random start is forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = module
        self.decay = decay
        self.weights = {n: p.detach().clone() for n, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`, which counts from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = [p.detach() for p in self.module.parameters()]
        torch._foreach_lerp_(list(self.weights.values()), current, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module with the averaged weights, for as long as the context lasts."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, parameter in self.module.named_parameters():
            parameter.data, self.weights[name] = self.weights[name], parameter.data

    def load(self, weights: dict[str, Tensor]) -> None:
        """Take up an average that was saved."""
        for name, value in weights.items():
            self.weights[name].copy_(value)
