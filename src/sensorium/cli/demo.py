"""`sensorium demo`: the whole life on the embedded world, in minutes."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.figures import print_figures
from sensorium.cli.options import JsonOption


def demo(
    run_dir: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/demo"),
    as_json: JsonOption = False,
) -> None:
    """Draw a world, train a model on it, judge it on unseen scenes, and search them by words."""
    from sensorium.verbs.demo import demo as demo_verb

    with Announcer() as announcer:
        result = demo_verb(run_dir, listeners=announcer.listeners())
    if as_json:
        print_json({"run": str(run_dir), **result.summary})
        return
    print_figures(result.summary, "test")
    rows = [[str(hit.rank), f"{hit.score:.3f}", hit.text or ""] for hit in result.hits]
    print_table(f'search: "{result.query}"', ["rank", "score", "what the picture shows"], rows)
    typer.echo(f"report: {run_dir}/report.html")
    typer.echo(f"pictures found: {result.sheet}")
    typer.echo(f'next: sensorium search {run_dir} "a large blue star above a small red square"')
