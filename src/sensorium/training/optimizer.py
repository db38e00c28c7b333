"""AdamW with decay on matrices only, and a learning rate that warms up and follows a cosine.

Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"; 2017, "SGDR".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sensorium.training.config import TrainConfig


def build_optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over all trained parameters, in one fused kernel a step."""
    matrices = _matrices(module)
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p in matrices], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p not in matrices], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(0.9, config.beta2), eps=1e-8, fused=True
    )


def _matrices(module: nn.Module) -> set[Tensor]:
    """The matrices of linear maps.

    Embeddings, positions, class tokens and learned queries are values, not maps: pulling them to
    zero only loses what they say.
    """
    return {m.weight for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)}


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of a step, 0 <= step < steps: a linear rise, then half a cosine down."""
    warmup = config.warmup * steps
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - warmup)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    floor = config.final_learning_rate
    return config.learning_rate * (floor + (1 - floor) * cosine)
