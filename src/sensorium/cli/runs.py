"""`sensorium runs`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import print_json, print_table
from sensorium.cli.options import JsonOption


def runs(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Where to look; runs by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List run folders and compare what they reached."""
    from sensorium.verbs.runs import runs as runs_verb

    found = runs_verb(folders or [])
    if as_json:
        print_json([asdict(run) for run in found])
        return
    if not found:
        typer.echo("no runs; make one with: sensorium demo")
        return
    names = [name for run in found for name in run.metrics if name.startswith("test/")]
    shown = [n for n in dict.fromkeys(names) if n.endswith(("recall_at_1", "accuracy", "/map_50"))]
    rows = []
    for run in found:
        state = run.problem or ("finished" if run.finished else f"stopped at step {run.step}")
        figures = [f"{run.metrics[n]:.3f}" if n in run.metrics else "-" for n in shown]
        rows.append([str(run.folder), run.recipe, state, *figures])
    columns = [n.removeprefix("test/").replace("/", " ").replace("_", " ") for n in shown]
    print_table("runs", ["folder", "recipe", "state", *columns], rows)
