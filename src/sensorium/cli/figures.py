"""The figures of a split, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping

from sensorium.cli.console import print_table

RETRIEVAL = ("recall_at_1", "recall_at_5", "recall_at_10", "median_rank")


def print_figures(metrics: Mapping[str, float], split: str) -> None:
    """Retrieval as one row for each direction, then every other figure on a row of its own.

    Args:
        metrics: flat, named `split/task/what`.
        split: which split to show.
    """
    own = {k.removeprefix(f"{split}/"): v for k, v in metrics.items() if k.startswith(f"{split}/")}
    directions = [
        name.removesuffix("/recall_at_1") for name in own if name.endswith("/recall_at_1")
    ]
    if directions:
        rows = [
            [_words(direction), *(_figure(own[f"{direction}/{name}"]) for name in RETRIEVAL)]
            for direction in directions
        ]
        print_table(f"{split}: retrieval", ["", "R@1", "R@5", "R@10", "median rank"], rows)
    others = {k: v for k, v in own.items() if k.rpartition("/")[0] not in directions}
    if others:
        rows = [[_words(name), _figure(figure)] for name, figure in others.items()]
        print_table(f"{split}: figures", ["", "figure"], rows)


def _words(name: str) -> str:
    return name.replace("/", " / ").replace("_", " ")


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
