"""The figures of a split, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensorium.cli.console import print_table

RETRIEVAL = ("recall_at_1", "recall_at_5", "recall_at_10", "median_rank", "chance")
BY_TYPE = ("accuracy_of_", "accuracy_majority_of_")
HEADINGS = ("R@1", "R@5", "R@10", "median rank", "chance", "R@1/chance")


def print_figures(metrics: Mapping[str, float], split: str) -> None:
    """Retrieval as one row for each direction, then every other figure on a row of its own.

    Args:
        metrics: flat, named `split/task/what`.
        split: which split to show.
    """
    own = _of_split(metrics, split)
    directions = [
        name.removesuffix("/recall_at_1") for name in own if name.endswith("/recall_at_1")
    ]
    if directions:
        from sensorium.evaluation.figures import direction_in_words

        rows = [[direction_in_words(name), *_retrieval(own, name)] for name in directions]
        print_table(f"{split}: retrieval", ["", *HEADINGS], rows)
    others = {
        k: v
        for k, v in own.items()
        if k.rpartition("/")[0] not in directions
        and not k.startswith("probe/")
        and not k.rpartition("/")[2].startswith(BY_TYPE)
    }
    if others:
        rows = [[_words(name), _figure(figure)] for name, figure in others.items()]
        print_table(f"{split}: figures", ["", "figure"], rows)


def print_withheld(summary: Mapping[str, Any], split: str) -> None:
    """The main figures of a split with some modalities withheld; nothing where none were.

    Args:
        summary: what `summary.json` holds.
        split: which split to show.
    """
    from sensorium.evaluation.figures import withheld_figures

    own = _of_split(summary["metrics"], split)
    table = withheld_figures(own, summary.get("withheld", {}).get(split, {}))
    if table is not None:
        rows = [
            [name, *("-" if figure is None else _figure(figure) for figure in row)]
            for name, row in table.rows.items()
        ]
        columns = ["", "nothing", *table.columns]
        print_table(f"{split}: with a modality withheld", columns, rows)


def print_probe(probed: Mapping[str, Any]) -> None:
    """Accuracies of probes, by labels of each class.

    Args:
        probed: what `summary.json` holds of one probing.
    """
    counts = list(probed["curves"][0]["by_labels"])
    columns = ["", *(("all" if count == "0" else count) for count in counts)]
    rows = [
        [
            f"{curve['vector']}, {curve['reader']}" + ("" if curve["trained"] else ", untrained"),
            *(_figure(curve["by_labels"][count]["accuracy"]) for count in counts),
        ]
        for curve in probed["curves"]
    ]
    rows.append(["always the most frequent", _figure(probed["majority"]), *[""] * len(counts[1:])])
    name = probed["data"].rstrip("/").rpartition("/")[2]
    title = f"{name}: {probed['classes']} classes, accuracy by labels of each"
    print_table(title, columns, rows)


def print_types(summary: Mapping[str, Any], split: str) -> None:
    """Accuracies by type of question, beside what is reached blindly; nothing where there are none.

    Args:
        summary: what `summary.json` holds.
        split: which split to show.
    """
    from sensorium.evaluation.figures import figures_by_type

    own = _of_split(summary["metrics"], split)
    for task in figures_by_type(own, summary.get("withheld", {}).get(split, {})):
        rows = [
            [name, *("-" if figure is None else _figure(figure) for figure in row)]
            for name, row in task.rows.items()
        ]
        print_table(f"{split}: {task.name} by type", ["", *task.columns], rows)


def _of_split(metrics: Mapping[str, float], split: str) -> dict[str, float]:
    return {k.removeprefix(f"{split}/"): v for k, v in metrics.items() if k.startswith(f"{split}/")}


def _retrieval(figures: Mapping[str, float], direction: str) -> list[str]:
    """A row of the table; what a run of an older version lacks is left out."""
    found = [figures.get(f"{direction}/{name}") for name in RETRIEVAL]
    first, by_chance = found[0], found[-1]
    times = f"{first / by_chance:.3g}" if first is not None and by_chance else ""
    return [*("" if figure is None else _figure(figure) for figure in found), times]


def _words(name: str) -> str:
    return name.replace("/", " / ").replace("_", " ")


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
