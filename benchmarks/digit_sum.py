"""Does every fusion bring two modalities together, where neither of them alone can answer?

    python benchmarks/datasets/digit_sum.py SENSORIUM_DATA --fsdd SENSORIUM_DATA/fsdd
    python benchmarks/digit_sum.py SENSORIUM_DATA/digit-sum --json digit_sum.json

A handwritten digit and a spoken one; the label is their sum. Each fusion is trained by the same
recipe (`recipes/digit-sum.yaml`), with the same budget, from several seeds, and judged on pictures
and recordings that are in no other split: with both, without the sound, and without the picture.
Beside it stand what can be reached without looking, and by whoever knows one of the digits for
certain; both are counted in the rows that are judged.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from each_fusion import add_fusion_options, summary_of
from rich.console import Console
from rich.table import Table
from side_by_side import describe_machine

RECIPE = Path(__file__).parent / "recipes" / "digit-sum.yaml"
FIGURE = "classification/accuracy"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that datasets/digit_sum.py wrote")
    add_fusion_options(parser, seeds=(0, 1, 2))
    arguments = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {}
    overrides = [f"data.root={arguments.data.resolve()}", *arguments.overrides]
    with tempfile.TemporaryDirectory() as scratch:
        runs = arguments.runs or Path(scratch)
        for seed in arguments.seeds:
            for fusion in arguments.fusions:
                summary = summary_of(RECIPE, fusion, seed, overrides, runs)
                figures.setdefault(fusion, []).append(read(summary))
                print(f"{fusion}, seed {seed}: {figures[fusion][-1]}", flush=True)
    blind = blind_figures(arguments.data / "test.jsonl")
    facts = describe_machine(torch.device("cpu"), ("torch", "av"))
    show(figures, blind, facts)
    if arguments.json is not None:
        report = {"fusions": figures, "blind": blind, "overrides": arguments.overrides}
        arguments.json.write_text(json.dumps(report | {"machine": facts}, indent=1))


def read(summary: dict[str, Any]) -> dict[str, float]:
    """The accuracies of a run on the test set, and its cost."""
    withheld = summary["withheld"]["test"]
    return {
        "both": summary["metrics"][f"test/{FIGURE}"],
        "without_audio": withheld["audio"][FIGURE],
        "without_image": withheld["image"][FIGURE],
        "parameters": summary["parameters"],
        "train_seconds": summary["train_seconds"],
    }


def blind_figures(manifest: Path) -> dict[str, float]:
    """The most that a guess can reach on these rows, and one that knows one digit for certain."""
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]

    def ceiling(*known: str) -> float:
        """Always the commonest sum among the rows that agree in what is known."""
        sums = Counter((*(row[name] for name in known), row["sum"]) for row in rows)
        best: Counter[tuple[Any, ...]] = Counter()
        for (*seen, _), count in sums.items():
            best[tuple(seen)] = max(best[tuple(seen)], count)
        return sum(best.values()) / len(rows)

    return {"majority": ceiling(), "picture": ceiling("written"), "sound": ceiling("spoken")}


def show(
    figures: dict[str, list[dict[str, float]]], blind: dict[str, float], facts: dict[str, str]
) -> None:
    table = Table(title="Accuracy of the sum, on pictures and recordings never met before")
    columns = (
        "both",
        "lowest",
        "highest",
        "without sound",
        "without picture",
        "weights",
        "training",
    )
    table.add_column("fusion")
    for column in columns:
        table.add_column(column, justify="right")
    for fusion, runs in figures.items():
        both = [run["both"] for run in runs]
        table.add_row(
            fusion,
            *(f"{value:.3f}" for value in (mean(both), min(both), max(both))),
            *(f"{mean(run[f'without_{m}'] for run in runs):.3f}" for m in ("audio", "image")),
            f"{runs[0]['parameters']:,}",
            f"{mean(run['train_seconds'] for run in runs):.0f} s",
        )
    table.add_section()
    table.add_row("always the commonest sum", f"{blind['majority']:.3f}")
    table.add_row("the written digit known", "", "", "", f"{blind['picture']:.3f}")
    table.add_row("the spoken digit known", "", "", "", "", f"{blind['sound']:.3f}")
    console = Console(width=120)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
