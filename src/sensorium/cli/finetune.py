"""`sensorium finetune RECIPE --from RUN [key=value ...]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer
from sensorium.cli.options import (
    JsonOption,
    OverridesArgument,
    OverwriteOption,
    RecipeArgument,
    ResumeOption,
    RunDirOption,
)
from sensorium.cli.trained import tell


def finetune(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="A run folder to start from.", show_default="fresh weights"),
    ] = None,
    run_dir: RunDirOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model that starts from a trained run, on a task of yours."""
    from sensorium.verbs.finetune import finetune as finetune_verb

    with Announcer() as announcer:
        result = finetune_verb(
            recipe,
            overrides or [],
            start=start,
            run_dir=run_dir,
            resume=resume,
            overwrite=overwrite,
            listeners=announcer.listeners(),
        )
    tell(result, f"sensorium finetune {recipe}", as_json)
