"""Memory that one step of training frees is kept for the next one."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as in malloc.h
NEVER = -1
LARGEST_THRESHOLD = 32 * 2**20  # bytes; glibc takes no more
SAID_OTHERWISE = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> None:
    """Let glibc's allocator keep what is freed, where it is the one at hand.

    It would give the activations of each step back to the system, which has to clear every page of
    them anew for the next step: a tenth of a step's time, and more (docs/log.md has the figures).
    The process then stays as large as its largest step. That concerns the whole process, so only
    the command line does it, whose process it is; the library leaves that of its host alone.
    """
    if sys.platform != "linux" or any(name in os.environ for name in SAID_OTHERWISE):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return
    mallopt(M_TRIM_THRESHOLD, NEVER)
    mallopt(M_MMAP_THRESHOLD, LARGEST_THRESHOLD)
