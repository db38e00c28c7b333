"""`sensorium export RUN --to bundle|onnx|torch`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json, print_table
from sensorium.cli.options import JsonOption, RunArgument


def export(
    run: RunArgument,
    to: Annotated[
        str,
        typer.Option(
            help="bundle: for this library; onnx: graphs for any program, too; torch: "
            "programs of torch.export, too."
        ),
    ] = "bundle",
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write.", show_default="RUN/bundle, /onnx or /torch"),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(help="Those that go along, by commas.", show_default="all"),
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(help="int8: round the weights of graphs.", show_default=False)
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="A sentence for the model card.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's model as one folder that needs nothing else, proved equal to it."""
    from sensorium.deployment.graphs.proof import COLUMNS
    from sensorium.errors import ExportError
    from sensorium.verbs.export import export as export_verb

    if quantize not in (None, "int8"):
        raise ExportError(f"expected --quantize int8, got {quantize!r}")
    with Announcer() as announcer:
        exported = export_verb(
            run,
            to=to,
            out=out,
            tasks=None if tasks is None else tasks.split(","),
            quantize="int8" if quantize else None,
            licence=licence,
            listeners=announcer.listeners(),
        )
    if as_json:
        print_json(asdict(exported))
        return
    if exported.proof:
        rows = [line.cells for line in exported.proof]
        print_table("graphs against the model", COLUMNS, rows)
    size = sum(exported.files.values()) / 1e6
    typer.echo(f"wrote {len(exported.files)} files, {size:.1f} MB, to {exported.folder}")
    typer.echo(f"next: sensorium predict {exported.folder} ...")
