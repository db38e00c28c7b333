"""What `compare --search` says at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from sensorium.cli.console import print_table


def print_trials(facts: Mapping[str, Any]) -> None:
    """The trials, the best first, what mattered, and the command of the best."""
    places = {number: place for place, number in enumerate(facts["ranking"])}
    trials = sorted(facts["trials"], key=lambda one: places.get(one["number"], len(places)))
    keys = list(facts["space"])
    rows = [
        [
            str(one["number"]),
            *(one["words"][key] for key in keys),
            "" if one["figure"] is None else f"{one['figure']:.4g}",
            one["state"] if one["same_as"] is None else f"as trial {one['same_as']}",
        ]
        for one in trials
    ]
    columns = ["trial", *(key.rpartition(".")[2] for key in keys), facts["metric"], ""]
    print_table(f"{facts['recipe']}: {len(rows)} trials", columns, rows)
    for sentence in facts["verdict"]:
        typer.echo(sentence)
    shares = [f"{key} {share:.0%}" for key, share in facts["importances"].items()]
    if shares:
        typer.echo(f"what mattered: {', '.join(shares)}")
    typer.echo(f"train with the best: {facts['command']}")
