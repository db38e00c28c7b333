"""`sensorium serve RUN_OR_BUNDLE [MORE ...]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.options import DeviceOption, PrecisionOption
from sensorium.errors import RunError


def serve(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs or bundles.", show_default=False)
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 for other machines, too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            help="What clients have to show as a bearer token.",
            envvar="SENSORIUM_TOKEN",
            show_envvar=True,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="name=value, as in queue=512; repeatable.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="That a model computes with.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Answer requests over HTTP with the models of runs or bundles, and show a page to try them."""
    from sensorium.verbs.serve import serve as serve_verb

    limits = dict(_named(one) for one in limit or [])
    serve_verb(
        *runs,
        host=host,
        port=port,
        token=token,
        device=device,
        precision=precision,
        threads=threads,
        limits=limits,
    )


def _named(limit: str) -> tuple[str, str]:
    name, equals, value = limit.partition("=")
    if not equals:
        raise RunError(f"--limit {limit}: expected name=value, as in queue=512")
    return name.strip(), value.strip()
