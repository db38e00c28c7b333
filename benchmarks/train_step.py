"""How fast is our training step beside the peers' at equal sizes?

    python benchmarks/train_step.py
    python benchmarks/train_step.py --work vit_small --precision bfloat16 --steps 20 --json out.json

Every contender makes whole steps (forward, loss, backward, gradients clipped to norm 1, fused
AdamW, gradients cleared) on the same random pictures and texts, in one process and in turn; medians
count. Our contrastive step is the real `Loop.step`, with all that it does beside. A peer that is
not installed is skipped, by name: `pip install transformers open_clip_torch timm` brings them.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from contenders import blip, ours, peers
from contenders.works import WORKS, ContrastiveWork, FusedWork, Setting, Work
from rich.console import Console
from rich.table import Table
from side_by_side import (
    Step,
    add_clock_option,
    add_measuring_options,
    describe_machine,
    figures,
    name_of,
    time_in_turn,
)

from sensorium.training.precision import choose_precision

PACKAGES = ("torch", "open_clip_torch", "transformers", "timm")
OURS = "sensorium"
WIDTH = 120  # of what is printed, in characters, on a terminal or not


def contenders_of(work: Work, setting: Setting) -> dict[str, Callable[[], Step]]:
    """Who -> what builds their step; ours first."""
    if isinstance(work, FusedWork):
        builders: dict[str, Callable[..., Step]] = {
            OURS: ours.fused_step,
            f"{OURS}, a quarter fused": partial(ours.fused_step, share=0.25),
            f"{OURS}, half dropped": partial(ours.fused_step, drop_patches=0.5, share=0.25),
            "HF BLIP": partial(blip.blip_step, masked_language=True),
            "HF BLIP, no masked words": partial(blip.blip_step, masked_language=False),
        }
    elif isinstance(work, ContrastiveWork):
        builders = {
            OURS: partial(ours.contrastive_step, drop_patches=0.0),
            f"{OURS}, half dropped": partial(ours.contrastive_step, drop_patches=0.5),
            "open_clip": partial(peers.open_clip_step, patch_dropout=0.0),
            "open_clip, half dropped": partial(peers.open_clip_step, patch_dropout=0.5),
            "HF CLIP sdpa": partial(peers.transformers_clip_step, attention="sdpa"),
            "HF CLIP eager": partial(peers.transformers_clip_step, attention="eager"),
        }
    else:
        builders = {
            OURS: ours.classification_step,
            "timm": peers.timm_step,
            "HF ViT sdpa": partial(peers.transformers_vit_step, attention="sdpa"),
            "HF ViT eager": partial(peers.transformers_vit_step, attention="eager"),
            "the document's module": peers.document_step,
        }
    return {who: partial(build, work, setting) for who, build in builders.items()}


def build_steps(
    contenders: dict[str, Callable[[], Step]],
) -> tuple[dict[str, Step], dict[str, str]]:
    """Who -> their step, and, of those that this machine lacks, why."""
    steps, skipped = {}, {}
    for who, build in contenders.items():
        torch.manual_seed(0)
        try:
            steps[who] = build()
        except peers.MissingPeerError as missing:
            skipped[who] = str(missing)
    return steps, skipped


def table_of(title: str, measured: dict[str, dict[str, float]]) -> Table:
    """A line for each contender, with the speed of each of ours over its speed."""
    our_names = [who for who in measured if who.startswith(OURS)]
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("who", no_wrap=True)
    ratios = [who.replace(OURS, "ours").replace(", ", ",\n") + "\n/ theirs" for who in our_names]
    for heading in ("median ms", "middle half", "samples/s", *ratios):
        table.add_column(heading, justify="right", no_wrap=True)
    for who, figure in measured.items():
        speed = figure["samples_per_second"]
        table.add_row(
            who,
            f"{figure['median_ms']:.0f}",
            f"{figure['quartile_1_ms']:.0f}-{figure['quartile_3_ms']:.0f}",
            f"{speed:.1f}",
            *(f"{measured[our]['samples_per_second'] / speed:.2f} x" for our in our_names),
        )
    return table


def describe_precision(wanted: str, precision: str) -> str:
    """What everybody computes in, and why."""
    if wanted != "auto":
        return f"{precision}, as asked"
    if precision == "float32":
        return "float32, chosen: this machine is not clearly faster in bfloat16"
    return "bfloat16, chosen: this machine is clearly faster in it (the peers: autocast)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default=",".join(WORKS), help="some of these, by commas")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    add_measuring_options(parser, steps=10)
    add_clock_option(parser)
    options = parser.parse_args()
    names = options.work.split(",")
    if unknown := [name for name in names if name not in WORKS]:
        parser.error(f"--work: {', '.join(unknown)} is none of {', '.join(WORKS)}")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    console = Console(highlight=False, width=WIDTH)
    precision = choose_precision(options.precision, options.device)
    facts = {
        **describe_machine(options.device, PACKAGES),
        "precision": describe_precision(options.precision, precision),
        "steps": f"{options.steps} counted, after {options.warmup} that are not",
        "seconds": name_of(options.clock),
    }
    for what, fact in facts.items():
        console.print(f"{what}: {fact}", markup=False)
    results = {}
    for name in names:
        work = WORKS[name]
        with TemporaryDirectory() as folder:
            setting = Setting(options.device, precision, Path(folder))
            steps, skipped = build_steps(contenders_of(work, setting))
            seconds = time_in_turn(
                steps, options.steps, options.warmup, options.device, options.clock
            )
        measured = figures(seconds, work.batch_size)
        console.print(table_of(f"{name}: {work}", measured))
        for who, reason in skipped.items():
            console.print(f"{who}: {reason}", markup=False)
        results[name] = {"sizes": asdict(work), "figures": measured, "skipped": skipped}
        del steps
        gc.collect()
    if options.json is not None:
        options.json.write_text(json.dumps({**facts, "work": results}, indent=1))


if __name__ == "__main__":
    main()
