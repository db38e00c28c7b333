"""`sensorium world DIR`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.options import JsonOption


def world(
    folder: Annotated[Path, typer.Argument(help="Where to write it.", show_default=False)],
    size: Annotated[int, typer.Option(min=1, max=99_999, help="Training scenes.")] = 6000,
    validation: Annotated[int, typer.Option(min=1, max=5000, help="Validation scenes.")] = 300,
    test: Annotated[int, typer.Option(min=1, max=5000, help="Test scenes.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world.")] = 0,
    modalities: Annotated[
        str, typer.Option(help="What to write of each scene.")
    ] = "image,text,video,audio",
    as_json: JsonOption = False,
) -> None:
    """Write the embedded world, pictures, clips, sounds and words, as real files."""
    from sensorium.errors import DataError
    from sensorium.world.build import MODALITIES, WorldConfig, build_world

    chosen = tuple(name.strip() for name in modalities.split(","))
    if not set(chosen) <= set(MODALITIES):
        raise DataError(f"--modalities: expected some of {','.join(MODALITIES)}, got {modalities}")
    config = WorldConfig(seed=seed, train=size, validation=validation, test=test, modalities=chosen)
    with Announcer() as announcer:
        summary = build_world(
            folder,
            config,
            on_progress=lambda done, total: announcer.work("drawing scenes", done, total),
        )
    if as_json:
        print_json(summary.model_dump(mode="json"))
        return
    scenes = ", ".join(f"{count} {split}" for split, count in summary.scenes.items())
    typer.echo(f"wrote {folder}: {scenes}")
