"""The figures of a split, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from sensorium.cli.console import print_table

if TYPE_CHECKING:
    from sensorium.evaluation.paired import Paired

RETRIEVAL = ("R@1", "95 %", "R@5", "R@10", "median", "chance", "× chance")


def print_figures(summary: Mapping[str, Any], split: str) -> None:
    """Retrieval as one row for each direction, then every other figure on a row of its own, with
    its interval and what it is blindly.

    Args:
        summary: what `summary.json` holds.
        split: which split to show.
    """
    from sensorium.evaluation.figures import figures_of_split

    of = figures_of_split(summary, split)
    if of.retrievals:
        rows = [
            [
                row.name,
                _known(row.recalls[0]),
                "" if row.interval is None else "–".join(map(_short, row.interval)),
                *(_known(figure) for figure in (*row.recalls[1:], row.median_rank, row.chance)),
                "" if row.times_chance is None else f"{row.times_chance:.3g}",
            ]
            for row in of.retrievals
        ]
        print_table(f"{split}: retrieval", ["", *RETRIEVAL], rows)
    if of.single:
        rows = [
            [name, _figure(one.value), interval_in_words(one.interval), _known(one.blind)]
            for name, one in of.single.items()
        ]
        columns = ["", "figure", "95 % interval", "blind guess"]
        print_table(f"{split}: figures", columns, rows)


def print_withheld(summary: Mapping[str, Any], split: str) -> None:
    """The main figures of a split with some modalities withheld; nothing where none were.

    Args:
        summary: what `summary.json` holds.
        split: which split to show.
    """
    from sensorium.evaluation.figures import figures_of_split

    table = figures_of_split(summary, split).withheld
    if table is not None and table.rows:
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


def print_shares(shares: Mapping[str, Any], split: str) -> None:
    """How much each modality has to do with what is said, on average.

    Args:
        shares: what `summary.json` holds of one set.
        split: its name.
    """
    if not shares:
        typer.echo("shares: all that is said is of pairs, of which each modality has half")
        return
    modalities = list(
        dict.fromkeys(modality for of in shares.values() for modality in of["shares"])
    )
    rows = [
        [
            name.replace("_", " "),
            *(f"{of['shares'][m]:+.3g}" if m in of["shares"] else "-" for m in modalities),
            f"{of['score']:.3g}",
            f"{of['score_without']:.3g}",
            of["unit"],
        ]
        for name, of in shares.items()
    ]
    columns = ["", *modalities, "score", "nothing seen", "unit"]
    print_table(f"{split}: each modality's share in what is said", columns, rows)


def print_types(summary: Mapping[str, Any], split: str) -> None:
    """Accuracies by type of question, beside what is reached blindly; nothing where there are none.

    Args:
        summary: what `summary.json` holds.
        split: which split to show.
    """
    from sensorium.evaluation.figures import figures_of_split

    for task in figures_of_split(summary, split).types:
        rows = []
        for name, row in task.rows.items():
            first, *others = ("-" if figure is None else _figure(figure) for figure in row)
            rows.append([name, first, interval_in_words(task.intervals.get(name)), *others])
        accuracy, *blind = task.columns
        columns = ["", accuracy, "95 %", *blind]
        print_table(f"{split}: {task.name} by type", columns, rows)


def print_pair(compared: Paired) -> None:
    """Every figure of two runs, its difference, and which is better."""
    from sensorium.evaluation.paired import in_words
    from sensorium.evaluation.paired_page import told, told_interval, told_p

    rows = [
        [
            in_words(one.name),
            told(one.name, one.a),
            told(one.name, one.b),
            told(one.name, one.difference, "+"),
            told_interval(one),
            told_p(one.adjusted),
            {"a": "A", "b": "B", None: "noise"}[one.better],
        ]
        for one in compared.differences
    ]
    title = f"A: {compared.a}; B: {compared.b}; {compared.samples} samples of {compared.data}"
    print_table(title, ["", "A", "B", "B - A", "95 %", "p", "better"], rows)
    for name, why in compared.left_out.items():
        typer.echo(f"left out: {in_words(name)}: {why}")


def interval_in_words(interval: Sequence[float] | None) -> str:
    """As in `0.71–0.78`; nothing where it is not known."""
    return "" if interval is None else "–".join(_figure(end) for end in interval)


def _short(share: float) -> str:
    """`.73`: a table of retrieval has many columns."""
    said = f"{share:.2f}"
    return "1" if said == "1.00" else said.removeprefix("0")


def _known(figure: float | None) -> str:
    """What a run of an older version lacks is left out."""
    return "" if figure is None else _figure(figure)


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
