"""`sensorium evaluate RUN [--data DATA --split test]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.figures import print_figures, print_withheld
from sensorium.cli.options import DeviceOption, JsonOption, RunArgument


def evaluate(
    run: RunArgument,
    data: Annotated[
        Path | None, typer.Option(help="Any data.", show_default="the recipe's own")
    ] = None,
    split: Annotated[str, typer.Option(help="Which set, and the name of its figures.")] = "test",
    without: Annotated[
        list[str] | None,
        typer.Option(help="Withhold a modality; given again, several together."),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Judge a run's model, and write its report anew."""
    from sensorium.verbs.evaluate import evaluate as evaluate_verb

    with Announcer() as announcer:
        summary = evaluate_verb(
            run,
            data=data,
            split=split,
            without=without or (),
            device=device,
            listeners=announcer.listeners(),
        )
    if as_json:
        print_json({"run": str(run), **summary})
        return
    print_figures(summary["metrics"], split)
    print_withheld(summary, split)
    typer.echo(f"report: {run}/report.html")
