"""Time contenders in turn, in one process, so that whatever else the machine does meets them all.

A B C  A B C  A B C ...        the median of each, after rounds that do not count
"""

from __future__ import annotations

import argparse
import datetime
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles

import torch

Step = Callable[[int], object]
"""One step of a contender, given the number of the round."""


def time_in_turn(
    contenders: Mapping[str, Step],
    rounds: int,
    warmup: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of every counted step of every contender, round by round, by `clock`."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(warmup + rounds):
        for name, step in contenders.items():
            wait_for(device)
            started = clock()
            step(number)
            wait_for(device)
            if number >= warmup:
                seconds[name].append(clock() - started)
    return seconds


def wait_for(device: torch.device) -> None:
    """Return when the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def middle_half(seconds: list[float]) -> tuple[float, float]:
    """First and third quartile: how much the machine wobbled."""
    if len(seconds) < 2:
        return seconds[0], seconds[0]
    first, _, third = quantiles(seconds, n=4, method="inclusive")
    return first, third


def figures(seconds: Mapping[str, list[float]], samples: int) -> dict[str, dict[str, float]]:
    """Contender -> its median, quartiles and speed."""
    return {
        name: {
            "median_ms": 1e3 * median(times),
            "quartile_1_ms": 1e3 * middle_half(times)[0],
            "quartile_3_ms": 1e3 * middle_half(times)[1],
            "samples_per_second": samples / median(times),
        }
        for name, times in seconds.items()
    }


def add_measuring_options(parser: argparse.ArgumentParser, steps: int) -> None:
    """The options that every benchmark has."""
    parser.add_argument("--steps", type=int, default=steps, help="counted steps of each contender")
    parser.add_argument("--warmup", type=int, default=2, help="steps before them, not counted")
    parser.add_argument("--device", type=torch.device, default="cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice by default")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")


def add_clock_option(parser: argparse.ArgumentParser) -> None:
    """For what computes in one process."""
    parser.add_argument(
        "--processor-time",
        dest="clock",
        action="store_const",
        const=time.process_time,
        default=time.perf_counter,
        help="count that and not the clock's: with --threads 1 on a machine that is not quiet",
    )


def name_of(clock: Callable[[], float]) -> str:
    """What a figure's seconds are."""
    return "of the processor" if clock is time.process_time else "of the clock"


def describe_machine(device: torch.device, packages: tuple[str, ...]) -> dict[str, str]:
    """What a figure means nothing without: date, commit, hardware, threads, versions."""
    facts = {
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "cpu": _cpu_name(),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    for package in packages:
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    """The commit that was measured, with a `+` where the files differ from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
