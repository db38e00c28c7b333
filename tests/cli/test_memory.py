import os
import platform
import subprocess
import sys

import pytest

FREED = 200 * 2**20  # bytes
PROGRAM = """
import sys
from sensorium.cli.memory import keep_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if sys.argv[1] == "keep":
    keep_freed_memory()
blocks = [bytearray(b"x") * 2**23 for _ in range(25)]
largest = resident()
del blocks
print(largest - resident())
"""


def given_back(how: str, environment: dict[str, str]) -> int:
    """Bytes that a process gives back to the system of 200 MB that it frees."""
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_what_a_step_frees_stays_with_the_process(monkeypatch):
    for name in ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    usual, users_choice = dict(os.environ), {**os.environ, "MALLOC_TRIM_THRESHOLD_": "131072"}
    assert given_back("keep", usual) < FREED / 10
    assert given_back("leave", usual) > FREED / 2
    assert given_back("keep", users_choice) > FREED / 2
