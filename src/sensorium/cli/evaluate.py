"""`sensorium evaluate RUN [--data DATA --split test]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.figures import print_figures, print_probe, print_types, print_withheld
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
    probe: Annotated[
        str | None,
        typer.Option(
            help="A labelled set: read its classes off the frozen encoders, too.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Its column of classes.", show_default="label")
    ] = None,
    labels_per_class: Annotated[
        str, typer.Option(help="How few labels are tried, beside all.")
    ] = "1,5,10,50",
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
            probe=probe,
            label=label,
            labels_per_class=_numbers(labels_per_class),
            device=device,
            listeners=announcer.listeners(),
        )
    if as_json:
        print_json({"run": str(run), **summary})
        return
    print_figures(summary, split)
    print_types(summary, split)
    print_withheld(summary, split)
    if probe is not None:
        print_probe(summary["probe"][split])
    typer.echo(f"report: {run}/report.html")


def _numbers(said: str) -> list[int]:
    try:
        numbers = [int(part) for part in said.split(",") if part.strip()]
    except ValueError:
        numbers = [0]
    if any(number < 1 for number in numbers):
        raise typer.BadParameter(f"--labels-per-class {said}: expected numbers, as in 1,5,10")
    return numbers
