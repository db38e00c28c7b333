"""`sensorium pretrain RECIPE [key=value ...]`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.figures import print_figures, print_types
from sensorium.cli.options import JsonOption, OverridesArgument, RecipeArgument

SIGNAL_EXIT_BASE = 128  # what a shell reports for a process that a signal ended


def pretrain(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/RECIPE")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model by a recipe, and judge it on the test set."""
    from sensorium.verbs.pretrain import pretrain as pretrain_verb

    with Announcer() as announcer:
        result = pretrain_verb(
            recipe,
            overrides or [],
            run_dir=run_dir,
            resume=resume,
            overwrite=overwrite,
            listeners=announcer.listeners(),
        )
    if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
        raise typer.Exit(0 if result.stopped_by is None else SIGNAL_EXIT_BASE + result.stopped_by)
    folder = result.run.folder
    if result.stopped_by is not None:
        typer.echo(
            f"stopped by {result.stopped_by.name} at step {result.step}; saved. Go on with: "
            f"sensorium pretrain {recipe} --run-dir {folder} --resume",
            err=True,
        )
        raise typer.Exit(SIGNAL_EXIT_BASE + result.stopped_by)
    assert result.summary is not None, "a run that was not stopped has a summary"
    if as_json:
        print_json({"run": str(folder), **result.summary})
        return
    for split in ("validation", "test"):
        print_figures(result.summary["metrics"], split)
        print_types(result.summary, split)
    seconds, speed = result.summary["train_seconds"], result.summary["samples_per_second"]
    typer.echo(f"trained {seconds:.0f} s at {speed:.0f} samples/s, in {folder}")
    if (folder / "report.html").exists():
        typer.echo(f"report: {folder}/report.html")
