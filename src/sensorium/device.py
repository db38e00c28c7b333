"""Where to compute."""

from __future__ import annotations

import torch

from sensorium.errors import RunError


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` takes the accelerator that torch finds, else the CPU.

    Raises:
        RunError: for a device that torch does not know or does not have.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).splitlines()[0]
        raise RunError(f"train.device={name} cannot be used here: {first_line}") from error
    return device
