"""Does the recipe `spoken-digits` understand a speaker whom it has never heard?

    python benchmarks/spoken_digits_speakers.py SENSORIUM_DATA/fsdd
    python benchmarks/spoken_digits_speakers.py SENSORIUM_DATA/fsdd --speakers theo --json theo.json

For each of the six speakers, a model is trained on all the recordings of the other five, and asked
which of the ten words each of the 500 recordings of the sixth says. The figure is the share of them
whose word it finds; chance is 0.1. Nothing of the sixth speaker is used before.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from side_by_side import describe_machine

from sensorium.verbs.pretrain import pretrain

FIGURE = "test/contrastive/audio_to_text/recall_at_1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd", type=Path, help="the folder of the set")
    parser.add_argument("overrides", nargs="*", help="of the recipe: key=value")
    parser.add_argument("--speakers", nargs="+", help="only these, by name")
    parser.add_argument("--runs", type=Path, help="keep the run folders there")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    arguments = parser.parse_args()
    rows = read(arguments.fsdd)
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        runs = arguments.runs or Path(scratch)
        for speaker in arguments.speakers or sorted({row["speaker"] for row in rows}):
            figures[speaker] = hold_out(speaker, rows, runs / speaker, arguments.overrides)
            print(f"{speaker}: {figures[speaker]['found']:.3f}", flush=True)
    found = [one["found"] for one in figures.values()]
    facts = describe_machine(torch.device("cpu"), ("torch", "av"))
    show(figures, mean(found), facts)
    if arguments.json is not None:
        report = {"speakers": figures, "mean": mean(found), "overrides": arguments.overrides}
        arguments.json.write_text(json.dumps(report | {"machine": facts}, indent=1))


def read(fsdd: Path) -> list[dict[str, Any]]:
    """Every row of the set, of both splits, with absolute paths."""
    rows = []
    for manifest in ("train.jsonl", "test.jsonl"):
        for line in (fsdd / manifest).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.append(row | {"file_name": os.path.abspath(fsdd / row["file_name"])})
    return rows


def hold_out(
    speaker: str, rows: list[dict[str, Any]], run: Path, overrides: list[str]
) -> dict[str, float]:
    """Train without a speaker and judge by them alone."""
    run.parent.mkdir(parents=True, exist_ok=True)
    manifests = {}
    for split, kept in (
        ("train", [row for row in rows if row["speaker"] != speaker]),
        ("test", [row for row in rows if row["speaker"] == speaker]),
    ):
        manifests[split] = run.with_name(f"{run.name}-{split}.jsonl").absolute()
        manifests[split].write_text("".join(json.dumps(row) + "\n" for row in kept))
    places = [f"data.{split}={path}" for split, path in manifests.items()]
    done = pretrain("spoken-digits", [*places, *overrides], run_dir=run, overwrite=True)
    assert done.summary is not None, "stopped by a signal"
    metrics = done.summary["metrics"]
    return {"found": metrics[FIGURE], "train_seconds": done.summary["train_seconds"]}


def show(figures: dict[str, dict[str, float]], average: float, facts: dict[str, str]) -> None:
    table = Table(title="Share of a speaker's recordings whose word is found, never heard before")
    for column in ("speaker", "found", "training"):
        table.add_column(column, justify="left" if column == "speaker" else "right")
    for speaker, one in figures.items():
        table.add_row(speaker, f"{one['found']:.3f}", f"{one['train_seconds']:.0f} s")
    table.add_section()
    table.add_row("mean", f"{average:.3f}", "")
    console = Console()
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
