"""AdamW with decay on matrices only, and a learning rate that warms up and follows a cosine.

Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"; 2017, "SGDR".
"""

from __future__ import annotations

import math

import torch
from torch import nn

from sensorium.training.config import TrainConfig


def build_optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over all trained parameters, in one fused kernel a step."""
    decayed, kept = [], []
    for parameter, is_matrix in _trained_parameters(module):
        (decayed if is_matrix else kept).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=(0.9, config.beta2), eps=1e-8, fused=True
    )


def _trained_parameters(module: nn.Module) -> list[tuple[nn.Parameter, bool]]:
    """Each parameter once, and whether it is the matrix of a linear map.

    Embeddings, positions, class tokens and learned queries are values, not maps: pulling them to
    zero only loses what they say.
    """
    matrices = {id(m.weight) for m in module.modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    return [(p, id(p) in matrices) for p in module.parameters() if p.requires_grad]


def learning_rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of a step, 0 <= step < steps: a linear rise, then half a cosine down."""
    warmup = config.warmup * steps
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - warmup)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    floor = config.final_learning_rate
    return config.learning_rate * (floor + (1 - floor) * cosine)
