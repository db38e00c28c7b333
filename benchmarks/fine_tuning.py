"""What does it bring to start from a run, and to run frozen encoders only once?

    sensorium pretrain spoken-digits --run-dir runs/spoken-digits
    python benchmarks/fine_tuning.py SENSORIUM_DATA/fsdd --from runs/spoken-digits
    python benchmarks/fine_tuning.py SENSORIUM_DATA/fsdd --from runs/spoken-digits --labels 10

The recipe `spoken-digits-classify` is trained with few labels of each digit, from scratch and from
the run, and judged on the official test set. Then only its head is trained, with what the encoder
gives computed in every epoch and computed once: seconds of an epoch, side by side.

The run has heard all training recordings with their words, so that the first comparison is one of
starts and not of labels alone: what few labels find in a space that knows the words already.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from side_by_side import describe_machine

from sensorium.verbs.finetune import finetune

RECIPE = "spoken-digits-classify"
FIGURE = "test/classification/accuracy"
STILL = (
    "{shift_seconds: 0, gain_decibels: 0, speed: 0, tilt_decibels: 0, noise_ratio_decibels: null, "
    "frequency_masks: 0, time_masks: 0}"
)
HEAD_ALONE = ["finetune.freeze.encoders=all", f"data.audio.augment={STILL}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd", type=Path, help="the folder of the set")
    parser.add_argument("--from", dest="start", type=Path, required=True, help="a run folder")
    parser.add_argument("--labels", type=int, nargs="*", default=[1, 10], help="of each digit")
    parser.add_argument("--steps", type=int, default=300, help="of every training with few labels")
    parser.add_argument("--epochs", type=int, default=5, help="of every training of the head alone")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    arguments = parser.parse_args()
    fsdd = arguments.fsdd.absolute()
    with tempfile.TemporaryDirectory() as scratch:
        few = {
            labels: few_labels(fsdd, labels, arguments.start, arguments.steps, Path(scratch))
            for labels in arguments.labels
        }
        head = head_alone(fsdd, arguments.start, arguments.epochs, Path(scratch))
    facts = describe_machine(torch.device("cpu"), ("torch", "av"))
    show(few, head, facts)
    if arguments.json is not None:
        report = {"few_labels": few, "head_alone": head, "machine": facts}
        arguments.json.write_text(json.dumps(report, indent=1))


def few_labels(fsdd: Path, labels: int, start: Path, steps: int, scratch: Path) -> dict[str, float]:
    """Accuracy of both starts, with the first so many recordings of each digit."""
    rows = defaultdict(list)
    for line in (fsdd / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["text"]].append(row | {"file_name": os.path.abspath(fsdd / row["file_name"])})
    chosen = [row for of_digit in rows.values() for row in of_digit[:labels]]
    manifest = scratch / f"{labels}.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in chosen))
    given = [
        f"data.train={manifest}",
        f"data.test={fsdd / 'test.jsonl'}",
        "train.epochs=null",
        f"train.steps={steps}",
    ]
    return {
        name: summary_of(given, origin, scratch / "run")["metrics"][FIGURE]
        for name, origin in (("from scratch", None), ("from the run", start))
    }


def head_alone(fsdd: Path, start: Path, epochs: int, scratch: Path) -> dict[str, dict[str, float]]:
    """Seconds of an epoch and accuracy, with the encoder run in every epoch, and once."""
    figures = {}
    for name, once in (("in every epoch", "false"), ("once", "true")):
        given = [
            *HEAD_ALONE,
            f"finetune.cache_features={once}",
            f"data.train={fsdd / 'train.jsonl'}",
            f"data.test={fsdd / 'test.jsonl'}",
            f"train.epochs={epochs}",
        ]
        summary = summary_of(given, start, scratch / "run")
        figures[name] = {
            "epoch_seconds": summary["train_seconds"] / epochs,
            "accuracy": summary["metrics"][FIGURE],
        }
    return figures


def summary_of(overrides: list[str], start: Path | None, run: Path) -> dict[str, Any]:
    done = finetune(RECIPE, overrides, start=start, run_dir=run, overwrite=True)
    assert done.summary is not None, "stopped by a signal"
    return done.summary


def show(
    few: dict[int, dict[str, float]], head: dict[str, dict[str, float]], facts: dict[str, str]
) -> None:
    console = Console()
    table = Table(title="Share of 300 test recordings whose digit is found")
    for column in ("labels of each digit", "from scratch", "from the run"):
        table.add_column(column, justify="right")
    for labels, figures in few.items():
        table.add_row(str(labels), *(f"{figure:.3f}" for figure in figures.values()))
    console.print(table)
    table = Table(title="The head alone, on 2,700 recordings; the encoder is run")
    for column in ("", "seconds of an epoch", "accuracy"):
        table.add_column(column, justify="right" if column else "left")
    for name, of in head.items():
        table.add_row(name, f"{of['epoch_seconds']:.3f}", f"{of['accuracy']:.3f}")
    console.print(table)
    every, once = (of["epoch_seconds"] for of in head.values())
    console.print(f"once is {every / once:.0f} times faster")
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
