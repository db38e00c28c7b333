"""Full-precision master weights, and steps in bfloat16 where this machine is faster in it.

A bfloat16 step runs the module on copies of its weights, cast once a step; autograd casts the
gradients back, and the optimizer only ever sees float32. It is the arithmetic of FSDP2's mixed
precision, on one device. Losses are computed in float32 by the tasks themselves.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn
from torch.func import functional_call

from sensorium.device import bfloat16_speed

Precision = Literal["float32", "bfloat16"]

CLEARLY_FASTER = 1.3  # below this the casts between the two formats eat the gain


def choose_precision(wanted: str, device: torch.device) -> Precision:
    """The precision to train in; `auto` is decided by timing matrix products on the device."""
    if wanted in ("float32", "bfloat16"):
        return wanted  # type: ignore[return-value]  # narrowed by the line above
    return "bfloat16" if bfloat16_speed(device) > CLEARLY_FASTER else "float32"


def call_in(precision: Precision, module: nn.Module, *arguments: Any) -> Any:
    """`module(*arguments)`, on bfloat16 copies of its weights where asked."""
    if precision == "float32":
        return module(*arguments)
    copies = {name: p.to(torch.bfloat16) for name, p in module.named_parameters()}
    return functional_call(module, copies, arguments)
