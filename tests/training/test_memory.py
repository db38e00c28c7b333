import sys

import pytest
import torch

from sensorium.training.memory import PeakMemory, give_back_memory

MEGABYTE = 1_000_000


def held(megabytes: int) -> int:
    give_back_memory()
    with PeakMemory(torch.device("cpu")) as memory:
        torch.ones(megabytes * MEGABYTE // 4)
    assert memory.bytes is not None
    return memory.bytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak")
def test_the_peak_is_that_of_the_context_alone():
    little, much, little_again = held(1), held(300), held(1)
    assert 280 * MEGABYTE < much - little < 330 * MEGABYTE
    assert abs(little_again - little) < 20 * MEGABYTE, "what was freed before does not count"
