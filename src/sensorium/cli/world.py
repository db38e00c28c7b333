"""`sensorium world DIR`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.options import JsonOption


def world(
    folder: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    size: Annotated[int, typer.Option(min=1, help="Training scenes.")] = 6000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write the embedded world, pictures and captions, as real files."""
    from sensorium.world.build import WorldConfig, build_world

    with Announcer() as announcer:
        summary = build_world(
            folder,
            WorldConfig(seed=seed, train=size),
            on_progress=lambda done, total: announcer.work("drawing scenes", done, total),
        )
    if as_json:
        print_json(summary.model_dump(mode="json"))
        return
    scenes = ", ".join(f"{count} {split}" for split, count in summary.scenes.items())
    typer.echo(f"wrote {folder}: {scenes}")
