"""The most memory that training held at once."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import torch

PROCESS = Path("/proc/self")
FORGET_PEAK = "5"  # to clear_refs: the peak begins anew at what is held now


class PeakMemory:
    """The most memory that is held at once within a context.

    On an accelerator, what torch has allocated there. On a CPU, what the whole process holds,
    interpreter and data included, without the processes that prepare batches; Linux alone tells.

    Attributes:
        bytes: after the context; None where the system does not tell.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.bytes: int | None = None

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif sys.platform == "linux":
            with suppress(OSError):
                (PROCESS / "clear_refs").write_text(FORGET_PEAK)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.device.type == "cuda":
            self.bytes = torch.cuda.max_memory_allocated(self.device)
        elif self.device.type == "cpu":
            self.bytes = _resident_peak()


def give_back_memory() -> None:
    """Return to the system what is free, so that it does not count as held by what comes next."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than GNU's
            ctypes.CDLL(None).malloc_trim(0)


def _resident_peak() -> int | None:
    try:
        status = (PROCESS / "status").read_text()
    except OSError:
        return None
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else None
