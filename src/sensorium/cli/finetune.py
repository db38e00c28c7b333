"""`sensorium finetune RECIPE --from RUN [key=value ...]`."""

from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.options import (
    JsonOption,
    OverridesArgument,
    OverwriteOption,
    RecipeArgument,
    ResumeOption,
    RunDirOption,
)
from sensorium.cli.trained import train_and_tell


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

    train_and_tell(
        finetune_verb,
        "finetune",
        recipe,
        overrides,
        as_json,
        start=start,
        run_dir=run_dir,
        resume=resume,
        overwrite=overwrite,
    )
