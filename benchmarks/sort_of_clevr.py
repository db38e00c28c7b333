"""Sort-of-CLEVR: which fusion answers questions about how objects lie to each other?

    python benchmarks/datasets/sort_of_clevr.py SENSORIUM_DATA
    python benchmarks/sort_of_clevr.py SENSORIUM_DATA/sort-of-clevr --json sort_of_clevr.json
    python benchmarks/sort_of_clevr.py ... train.epochs=60 --fusions low_rank

Each fusion is trained by the same recipe (`recipes/sort-of-clevr.yaml`) for as many epochs, and
judged on 2,000 relational and 2,000 non-relational questions about 200 pictures that it has never
seen. Beside it stand the figures that the authors published, and the most that whoever does not
see the pictures can reach, counted in the questions that are judged.

Peers: a convolutional network with a relation network on top, and with a plain network instead
(Santoro et al. 2017, "A simple neural network module for relational reasoning").
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

RECIPE = Path(__file__).parent / "recipes" / "sort-of-clevr.yaml"
KINDS = ("relational", "non-relational")
PUBLISHED = {
    "CNN + relation network": ("over 0.94", "over 0.94"),
    "CNN + MLP": ("0.63", "over 0.94"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that datasets/sort_of_clevr.py wrote")
    add_fusion_options(parser, seeds=(0,))
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
    facts = describe_machine(torch.device("cpu"), ("torch",))
    show(figures, blind, facts)
    if arguments.json is not None:
        report = {"fusions": figures, "blind": blind, "overrides": arguments.overrides}
        arguments.json.write_text(json.dumps(report | {"machine": facts}, indent=1))


def read(summary: dict[str, Any]) -> dict[str, float]:
    """The accuracies of a run on the test set, and its cost."""
    metrics = summary["metrics"]
    return {
        **{kind: metrics[f"test/question_answering/accuracy_of_{kind}"] for kind in KINDS},
        "questions": summary["samples"],
        "parameters": summary["parameters"],
        "train_seconds": summary["train_seconds"],
    }


def blind_figures(manifest: Path) -> dict[str, float]:
    """By kind: always the commonest answer that these rows give to the same question."""
    counts = {kind: Counter[tuple[str, str]]() for kind in KINDS}
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        counts[row["kind"]][row["question"], row["answer"]] += 1
    figures = {}
    for kind, of_kind in counts.items():
        best: Counter[str] = Counter()
        for (question, _), count in of_kind.items():
            best[question] = max(best[question], count)
        figures[kind] = best.total() / of_kind.total()
    return figures


def show(
    figures: dict[str, list[dict[str, float]]], blind: dict[str, float], facts: dict[str, str]
) -> None:
    table = Table(title="Sort-of-CLEVR: accuracy on pictures never met before")
    table.add_column("who")
    for column in (*KINDS, "questions learned from", "weights", "training"):
        table.add_column(column, justify="right")
    for fusion, runs in figures.items():
        table.add_row(
            fusion,
            *(f"{mean(run[kind] for run in runs):.3f}" for kind in KINDS),
            f"{runs[0]['questions']:,}",
            f"{runs[0]['parameters']:,}",
            f"{mean(run['train_seconds'] for run in runs):.0f} s",
        )
    table.add_section()
    for name, published in PUBLISHED.items():
        table.add_row(f"{name}, published", *published)
    table.add_row("without the picture, at best", *(f"{blind[kind]:.3f}" for kind in KINDS))
    console = Console(width=120)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
