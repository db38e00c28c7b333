"""`sensorium evaluate RUN [OTHER] [--data DATA --split test]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.figures import (
    print_figures,
    print_pair,
    print_probe,
    print_shares,
    print_types,
    print_withheld,
)
from sensorium.cli.options import DeviceOption, JsonOption, RunArgument


def evaluate(
    run: RunArgument,
    other: Annotated[
        Path | None,
        typer.Argument(help="Another run, to be compared sample by sample.", show_default=False),
    ] = None,
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
    shares: Annotated[
        bool,
        typer.Option("--shares", help="How much each modality has to do with what is said, too."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the comparison of two runs as a page there, too.")
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Judge a run's model, and write its report anew; or say which of two runs is better."""
    if other is not None:
        if without or probe is not None or label is not None or shares:
            raise typer.BadParameter(
                "--without, --probe, --label and --shares are for one run, not for two"
            )
        _compare(run, other, data, split, html, device, as_json)
        return
    if html is not None:
        raise typer.BadParameter("--html is for two runs; the report of one lies in its folder")
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
            shares=shares,
            device=device,
            listeners=announcer.listeners(),
        )
    if as_json:
        print_json({"run": str(run), **summary})
        return
    print_figures(summary, split)
    print_types(summary, split)
    print_withheld(summary, split)
    if shares:
        print_shares(summary["shares"][split], split)
    if probe is not None:
        print_probe(summary["probe"][split])
    typer.echo(f"report: {run}/report.html")


def _compare(
    run: Path,
    other: Path,
    data: Path | None,
    split: str,
    html: Path | None,
    device: str,
    as_json: bool,
) -> None:
    from sensorium.verbs.evaluate_pair import evaluate_pair

    with Announcer() as announcer:
        compared = evaluate_pair(
            run,
            other,
            data=data,
            split=split,
            html=html,
            device=device,
            listeners=announcer.listeners(),
        )
    if as_json:
        print_json(compared.facts())
        return
    print_pair(compared)
    for sentence in compared.verdict:
        typer.echo(sentence)
    if html is not None:
        typer.echo(f"page: {html}")


def _numbers(said: str) -> list[int]:
    try:
        numbers = [int(part) for part in said.split(",") if part.strip()]
    except ValueError:
        numbers = [0]
    if any(number < 1 for number in numbers):
        raise typer.BadParameter(f"--labels-per-class {said}: expected numbers, as in 1,5,10")
    return numbers
