"""How many labels does pretraining save? Accuracy by labels of each class, from a run and without.

    sensorium pretrain emoji --run-dir runs/emoji
    python benchmarks/label_efficiency.py benchmarks/recipes/emoji-groups.yaml sets/emoji-groups \\
        --from runs/emoji --runs runs/labels --json labels.json

So many training rows of each class are drawn, and with the same rows three models are trained:

- fine-tuned: the run's encoder goes on, with a fresh head;
- head alone: the same, but the encoder is frozen and run only once;
- from scratch: the same model with fresh weights, for as many steps of as many rows.

Of the world, `--where number=1 --label objects.0.colour` asks for the colour of the only thing.

Each way has a learning rate of its own; the defaults are those that were best on the validation
sets (`--judge validation`). Every number of labels is tried with several draws of them, of which
those with more labels hold those with fewer; the seed also draws what training draws.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from random import Random
from statistics import mean, stdev
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from side_by_side import describe_machine

import sensorium
from sensorium.recipe import Recipe
from sensorium.verbs.start import Start

FIGURE = "classification/accuracy"
STILL = "{shift: 0, scale: [1, 1], flip: 0, flip_vertical: 0, colour_jitter: 0}"
FROZEN = ["finetune.freeze.encoders=all", "finetune.cache_features=true"]
WAYS = {
    "fine-tuned": [],
    "head alone": [*FROZEN, f"data.image.augment={STILL}", "train.steps=1500"],
    "from scratch": [],
}
"""What each way of training adds to the recipe."""

RATES = {"fine-tuned": 1e-3, "head alone": 3e-3, "from scratch": 1e-3}
FILES = ("image", "audio", "video")  # fields whose cells are names of files
ALL = 0  # labels of each class: as many as there are

Figures = dict[str, dict[str, list[float]]]
"""Way -> labels of each class -> the accuracy with each seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path, help="of a classification that reads no text")
    parser.add_argument("data", type=Path, help="a folder with the manifests that it names")
    parser.add_argument("overrides", nargs="*", help="of the recipe: key=value")
    parser.add_argument("--from", dest="start", type=Path, required=True, help="a run folder")
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 3, 10, 30, ALL], help="0: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rate", type=float, help="of all ways, to try it; else each has its own")
    parser.add_argument("--label", metavar="PATH", help="where the class is: objects.0.colour")
    parser.add_argument("--where", metavar="COLUMN=VALUE", help="only such rows, of all sets")
    parser.add_argument("--judge", choices=("validation", "test"), default="test")
    parser.add_argument(
        "--runs", type=Path, help="keep the runs there; those that are finished are not made again"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(arguments, arguments.runs or Path(scratch))
    facts = describe_machine(torch.device("cpu"), ("torch",))
    show(figures, arguments.judge, facts)
    if arguments.json is not None:
        told = {"recipe": arguments.recipe.stem, "run": arguments.start.name}
        told |= {
            "where": arguments.where,
            "label": arguments.label,
            "overrides": arguments.overrides,
        }
        report = told | {"judged_on": arguments.judge, "figures": figures, "machine": facts}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def measure(arguments: argparse.Namespace, runs: Path) -> Figures:
    """Train every way with every number of labels and every seed."""
    figures: Figures = {way: defaultdict(list) for way in arguments.ways}
    recipe = Start.open(arguments.start).recipe(
        arguments.recipe, [f"data.root={arguments.data.resolve()}", *arguments.overrides]
    )
    runs.mkdir(parents=True, exist_ok=True)
    known, judged = (
        rows_of(recipe, split, arguments.where, arguments.label)
        for split in ("train", arguments.judge)
    )
    test = write(judged, runs / f"{arguments.judge}.jsonl")
    for seed in arguments.seeds:
        for labels in arguments.labels:
            chosen = few(known, recipe.data.fields["label"], labels, seed)
            manifest = write(chosen, runs / f"{labels}-{seed}.jsonl")
            for way in arguments.ways:
                rate = arguments.rate or RATES[way]
                said = [
                    *WAYS[way],
                    f"seed={seed}",
                    f"data.train={manifest}",
                    "data.validation=null",
                    f"data.test={test}",
                    f"train.learning_rate={rate}",
                ]
                name = f"{way.replace(' ', '-')}-{labels}-{seed}-{rate:g}-{arguments.judge}"
                summary = summary_of(recipe, said, arguments.start, way, runs / name)
                accuracy = summary["metrics"][f"test/{FIGURE}"]
                figures[way][str(labels)].append(accuracy)
                seconds = summary["train_seconds"]
                print(f"{way}, {labels or 'all'}, seed {seed}: {accuracy:.3f}, {seconds:.0f} s")
    return figures


def rows_of(
    recipe: Recipe, split: str, where: str | None = None, label: str | None = None
) -> list[dict[str, Any]]:
    """The rows of a set, with what the recipe reads of them.

    Args:
        where: column=value, which they are to have; None takes all.
        label: where the class is, instead of the recipe's column.
    """
    root, fields = Path(recipe.data.root or ""), recipe.data.fields or {}
    (place,) = recipe.data.places(split)
    column, _, value = (where or "").partition("=")
    rows = []
    for line in (root / place.path).read_text("utf-8").splitlines():
        row = json.loads(line)
        if where is None or str(row[column]) == value:
            for file in (fields[modality] for modality in FILES if modality in fields):
                row[file] = str((root / row[file]).resolve())
            kept = {name: row.get(name) for name in fields.values()}
            rows.append(kept | {fields["label"]: at(row, label or fields["label"])})
    return rows


def at(row: Any, path: str) -> Any:
    """What a row holds at `objects.0.colour`, say."""
    for step in path.split("."):
        row = row[int(step)] if isinstance(row, list) else row[step]
    return row


def few(rows: list[dict[str, Any]], label: str, labels: int, seed: int) -> list[dict[str, Any]]:
    """So many rows of each class, drawn anew by each seed; those of fewer are among them."""
    by_class: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_class[str(row[label])].append(row)
    chosen = []
    for name, of_class in sorted(by_class.items()):
        Random(f"{seed}/{name}").shuffle(of_class)
        chosen += of_class[: labels or len(of_class)]
    return chosen


def write(rows: list[dict[str, Any]], manifest: Path) -> Path:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    manifest.write_text("".join(lines), encoding="utf-8")
    return manifest.resolve()


def summary_of(
    recipe: Recipe, overrides: list[str], start: Path, way: str, run: Path
) -> dict[str, Any]:
    """The summary of the run in that folder, if it is finished, else of a new one."""
    if (run / "summary.json").is_file():
        summary = sensorium.Run.open(run).summary()
    elif way == "from scratch":
        plain = recipe.model_copy(update={"finetune": None})
        summary = sensorium.pretrain(plain, overrides, run_dir=run, overwrite=True).summary
    else:
        done = sensorium.finetune(recipe, overrides, start=start, run_dir=run, overwrite=True)
        summary = done.summary
    assert summary is not None, "stopped by a signal"
    return summary


def show(figures: Figures, judged_on: str, facts: dict[str, str]) -> None:
    counts = list(next(iter(figures.values())))
    table = Table(title=f"Accuracy on the {judged_on} set, by labels of each class")
    table.add_column("")
    for count in counts:
        table.add_column("all" if count == str(ALL) else count, justify="right")
    for way, by_count in figures.items():
        table.add_row(way, *(in_words(by_count[count]) for count in counts))
    console = Console(width=110)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


def in_words(seeds: list[float]) -> str:
    """Mean and standard deviation over the seeds."""
    return f"{mean(seeds):.3f}" + (f" ± {stdev(seeds):.3f}" if len(seeds) > 1 else "")


if __name__ == "__main__":
    main()
