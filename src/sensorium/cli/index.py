"""`sensorium index RUN DATA`."""

from dataclasses import asdict
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.options import DeviceOption, JsonOption, RunArgument


def index(
    run: RunArgument,
    data: Annotated[
        str, typer.Argument(help="A file or folder of any known kind.", show_default=False)
    ],
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Make pictures and texts searchable by a run's model."""
    from sensorium.verbs.index import index as index_verb

    with Announcer() as announcer:
        indexed = index_verb(run, data, device=device, listeners=announcer.listeners())
    if as_json:
        print_json(asdict(indexed))
        return
    broken = f", {indexed.quarantined} broken left out" if indexed.quarantined else ""
    typer.echo(f"indexed {indexed.samples} samples as {indexed.rows} vectors{broken}")
    typer.echo(f'next: sensorium search {run} "words to look for"')
