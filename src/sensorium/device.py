"""Where to compute, and what is fast there."""

from __future__ import annotations

import time

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


def bfloat16_speed(device: torch.device) -> float:
    """How many times as fast as in float32 the device multiplies matrices in bfloat16."""
    return _product_seconds(torch.float32, device) / _product_seconds(torch.bfloat16, device)


def _product_seconds(dtype: torch.dtype, device: torch.device, size: int = 256) -> float:
    """Seconds for one product of square matrices: the least of five, after a warm-up.

    Small on purpose: without hardware support, bfloat16 is a hundred times slower than float32.
    """
    a = torch.ones(size, size, dtype=dtype, device=device)
    a @ a
    seconds = []
    for _ in range(5):
        _wait_for(device)
        start = time.perf_counter()
        a @ a
        _wait_for(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
