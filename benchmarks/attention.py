"""Plain or fused attention: which of the two trains faster, at how many tokens?

    python benchmarks/attention.py
    python benchmarks/attention.py --device cuda --steps 50

Forward and backward of `attend_plain` and `attend_fused` in turn, between the layouts that our
layers have around them: queries, keys and values in one tensor before, heads side by side after.
With every key real (pictures), and with a fifth of them masked (texts). It backs
`PLAIN_BELOW_KEYS` and the choice in `sensorium.layers.attention.attend`.

Shapes: B batch, N tokens, H heads, d = 64 width of a head; B x N is the same for every N.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from side_by_side import (
    Step,
    add_clock_option,
    add_measuring_options,
    describe_machine,
    name_of,
    time_in_turn,
)
from torch import Tensor

from sensorium.layers.attention import PLAIN_BELOW_KEYS, attend, attend_fused, attend_plain

TOKENS = (32, 64, 196, 512, 1024, 2048)
TOKENS_IN_A_BATCH = 8192
HEADS, HEAD_WIDTH = 3, 64
MASKED = 0.2
TOO_SLOW = 2.0  # times float32: such a machine will not train in bfloat16, whatever the path

Path = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Case:
    """Sizes, precision and device of one comparison; `masked` is the share of masked keys."""

    tokens: int
    dtype: torch.dtype
    masked: float
    device: torch.device

    @property
    def batch(self) -> int:
        return TOKENS_IN_A_BATCH // self.tokens

    def step(self, path: Path) -> Step:
        """Forward and backward of one path on random values."""
        generator = torch.Generator().manual_seed(0)
        B, N, D = self.batch, self.tokens, HEADS * HEAD_WIDTH
        values = torch.randn(B, N, 3 * D, generator=generator).to(self.device, self.dtype)
        values.requires_grad_()
        gradient = torch.randn(B, N, D, generator=generator).to(self.device, self.dtype)
        mask = self._mask(for_attend=path is attend)

        def step(_: int) -> None:
            values.grad = None
            q, k, v = values.view(B, N, 3, HEADS, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
            path(q, k, v, mask).transpose(1, 2).reshape(B, N, D).backward(gradient)

        return step

    def _mask(self, for_attend: bool) -> Tensor | None:
        """[B, N] for `attend`, [B, 1, 1, N] for its two paths; None where every key is real."""
        if not self.masked:
            return None
        real = torch.arange(self.tokens, device=self.device) < round(
            (1 - self.masked) * self.tokens
        )
        mask = real.repeat(self.batch, 1)
        return mask if for_attend else mask[:, None, None, :]


def compare(
    case: Case, rounds: int, warmup: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median milliseconds of both paths, and of `attend`, which chooses between them."""
    paths: dict[str, Path] = {"plain": attend_plain, "fused": attend_fused, "attend": attend}
    steps = {name: case.step(path) for name, path in paths.items()}
    seconds = time_in_turn(steps, rounds, warmup, case.device, clock)
    return {f"{name}_ms": 1e3 * median(times) for name, times in seconds.items()}


def slowness_of_bfloat16(device: torch.device) -> float:
    """How many times longer than in float32 the faster path takes at 196 tokens."""
    faster = {}
    for dtype in (torch.float32, torch.bfloat16):
        measured = compare(Case(196, dtype, 0.0, device), rounds=1, warmup=1)
        faster[dtype] = min(measured["plain_ms"], measured["fused_ms"])
    return faster[torch.bfloat16] / faster[torch.float32]


def precisions_to_measure(wanted: str, device: torch.device, console: Console) -> list[str]:
    """float32, and bfloat16 unless this machine would never train in it."""
    if wanted != "auto":
        return [wanted]
    slowness = slowness_of_bfloat16(device)
    if slowness <= TOO_SLOW:
        return ["float32", "bfloat16"]
    console.print(
        f"bfloat16: skipped, {slowness:.0f} times slower than float32 here; "
        "--precision bfloat16 measures it all the same"
    )
    return ["float32"]


def table_of(rows: list[dict[str, Any]]) -> Table:
    """A line for each case, with the speed of the fused path over the plain one."""
    table = Table(title=f"attention, forward and backward, {HEADS} heads of {HEAD_WIDTH}")
    for heading in ("precision", "tokens", "batch", "masked", "plain ms", "fused ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("fused\n/ plain", justify="right")
    table.add_column("attend\n/ faster", justify="right")
    for row in rows:
        plain, fused, chosen = row["plain_ms"], row["fused_ms"], row["attend_ms"]
        table.add_row(
            row["precision"],
            str(row["tokens"]),
            str(row["batch"]),
            f"{row['masked']:.0%}",
            f"{plain:.1f}",
            f"{fused:.1f}",
            f"{plain / fused:.2f} x",
            f"{min(plain, fused) / chosen:.2f} x",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    add_measuring_options(parser, steps=10)
    add_clock_option(parser)
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    console = Console(highlight=False, width=100)
    facts = describe_machine(options.device, ("torch",))
    facts["steps"] = f"{options.steps} counted, after {options.warmup} that are not"
    facts["seconds"] = name_of(options.clock)
    for what, fact in facts.items():
        console.print(f"{what}: {fact}", markup=False)
    rows = []
    for precision in precisions_to_measure(options.precision, options.device, console):
        for masked in (0.0, MASKED):
            for tokens in TOKENS:
                case = Case(tokens, getattr(torch, precision), masked, options.device)
                row = {
                    "precision": precision,
                    "tokens": tokens,
                    "batch": case.batch,
                    "masked": masked,
                }
                rows.append(row | compare(case, options.steps, options.warmup, options.clock))
    console.print(table_of(rows))
    console.print(
        "fused / plain: speed over speed. attend / faster: what `attend` chose over the faster "
        f"one, 1 where it chose well; it is plain below {PLAIN_BELOW_KEYS} keys where it is in "
        "bfloat16 on a CPU and trains."
    )
    if options.json is not None:
        options.json.write_text(json.dumps({**facts, "cases": rows}, indent=1))


if __name__ == "__main__":
    main()
