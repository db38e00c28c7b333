"""Train one recipe with each fusion in turn, and read what each run reached."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sensorium
from sensorium.fusion import FUSIONS


def add_fusion_options(parser: argparse.ArgumentParser, seeds: Sequence[int]) -> None:
    """The options of a benchmark that compares fusions."""
    parser.add_argument("overrides", nargs="*", help="of the recipe: key=value")
    parser.add_argument("--fusions", nargs="+", choices=FUSIONS, default=list(FUSIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(seeds))
    parser.add_argument(
        "--runs",
        type=Path,
        help="keep the run folders there; those that are finished are not trained again",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")


def summary_of(recipe: Path, fusion: str, seed: int, overrides: Sequence[str], runs: Path) -> Any:
    """The summary of the recipe's run with a fusion: that of the folder, if it is finished, else of
    a new one. What the fusion knows of the recipe's settings for another stays."""
    folder = runs / f"{fusion}-{seed}"
    if (folder / "summary.json").is_file():
        summary = sensorium.Run.open(folder).summary()
    else:
        said = [f"model.fusion={fusion}", f"seed={seed}", *overrides]
        summary = sensorium.pretrain(recipe, said, run_dir=folder, overwrite=True).summary
    assert summary is not None, "stopped by a signal"
    return summary
