"""AdamW with decay on matrices only, and a learning rate that warms up and follows a cosine.

Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"; 2017, "SGDR".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sensorium.layers.lora import LowRankLinear
from sensorium.training.config import TrainConfig


def build_optimizer(
    module: nn.Module, config: TrainConfig, rates: Mapping[nn.Parameter, float] | None = None
) -> torch.optim.AdamW:
    """AdamW over all trained parameters, in one fused kernel a step.

    Args:
        module: what is trained.
        config: learning rate and decay.
        rates: learning rates relative to the common one, where they differ.
    """
    matrices, rates = _matrices(module), rates or {}
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = []
    for rate in sorted({rates.get(p, 1.0) for p in trained}, reverse=True):
        alike = [p for p in trained if rates.get(p, 1.0) == rate]
        decayed = [p for p in alike if p in matrices]
        others = [p for p in alike if p not in matrices]
        groups += [
            {"params": decayed, "weight_decay": config.weight_decay, "relative_rate": rate},
            {"params": others, "weight_decay": 0.0, "relative_rate": rate},
        ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(0.9, config.beta2), eps=1e-8, fused=True
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of a learning rate; one that has none the whole."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("relative_rate", 1.0)


def _matrices(module: nn.Module) -> set[Tensor]:
    """The matrices of linear maps.

    Embeddings, positions, class tokens and learned queries are values, not maps: pulling them to
    zero only loses what they say.
    """
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    maps = [m for m in module.modules() if isinstance(m, kinds)]
    updates = [m for m in maps if isinstance(m, LowRankLinear)]
    return {m.weight for m in maps} | {x for m in updates for x in (m.up, m.down)}


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of a step, 0 <= step < steps: a linear rise, then half a cosine down."""
    warmup = config.warmup * steps
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - warmup)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    floor = config.final_learning_rate
    return config.learning_rate * (floor + (1 - floor) * cosine)
