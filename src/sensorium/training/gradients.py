"""Which task pulls hardest: the norm of each task's gradient on what all of them share.

    norm_t = | d (weight_t * mean loss of t) / d (encoders, fusion) |

A task whose norm is many times that of the others decides alone where the model goes; its weight is
what to turn. Each task costs a backward pass of its own, so this is done in few steps. It reads the
graph of the step and leaves the step's own gradient as it is, bit for bit.

Shapes: N values in all shared parameters together.

Source: Chen et al. 2018, "GradNorm" (which goes on to set the weights by it).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sensorium import ranks
from sensorium.tasks.mixture import Mixture


class GradientNorms:
    """Each task's gradient in one step, summed over the parts of its batch and over ranks.

    Args:
        shared: the trained parameters of encoders and fusion, at least one.
        others: those of tasks. They are gone through too, since on a rank where nobody has what a
            task needs they alone lead to what it has to send to the other ranks.
        tasks: those that have items on any rank.
    """

    def __init__(
        self,
        shared: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        tasks: Collection[str],
    ) -> None:
        self.shared, self.others = shared, others
        values = sum(parameter.numel() for parameter in self.shared)
        device = self.shared[0].device
        self.gradients: dict[str, Float[Tensor, " N"]] = {
            task: torch.zeros(values, device=device) for task in tasks
        }

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Take in a part of the batch: weighted means, whose graph is kept for the step itself."""
        for task, loss in losses.items():
            if not loss.requires_grad:
                continue
            every = torch.autograd.grad(
                loss, [*self.shared, *self.others], retain_graph=True, allow_unused=True
            )
            parts = self.gradients[task].split([p.numel() for p in self.shared])
            for part, gradient in zip(parts, every[: len(parts)], strict=True):
                if gradient is not None:
                    part.add_(gradient.flatten())

    def norms(self) -> dict[str, float]:
        """Of each task, over the whole batch."""
        norms = {}
        for task, gradient in self.gradients.items():
            ranks.add_up(gradient)
            norms[task] = gradient.norm().item()
        return norms


def gradient_norms(mixture: Mixture, counts: Collection[str]) -> GradientNorms | None:
    """To measure each task's gradient in a step; None where that tells nothing, of one task or of
    weights that all are frozen."""
    tasks = mixture.tasks.values()
    shared = [p for p in mixture.model.parameters() if p.requires_grad]
    others = [p for task in tasks for p in task.parameters() if p.requires_grad]
    return GradientNorms(shared, others, counts) if shared and len(tasks) > 1 else None
