"""What `pretrain` and `finetune` say at their end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from sensorium.cli.console import print_json
from sensorium.cli.figures import print_figures, print_types

if TYPE_CHECKING:
    from sensorium.verbs.pretrain import Pretrained

SIGNAL_EXIT_BASE = 128  # what a shell reports for a process that a signal ended


def tell(result: Pretrained, command: str, as_json: bool) -> None:
    """Print the figures of a training, or how to go on with one that a signal stopped.

    Args:
        result: what the verb gave.
        command: that started it, up to the recipe.
        as_json: whether for programs.
    """
    if os.environ.get("RANK", "0") != "0":  # of several processes the first one speaks
        raise typer.Exit(0 if result.stopped_by is None else SIGNAL_EXIT_BASE + result.stopped_by)
    folder = result.run.folder
    if result.stopped_by is not None:
        typer.echo(
            f"stopped by {result.stopped_by.name} at step {result.step}; saved. Go on with: "
            f"{command} --run-dir {folder} --resume",
            err=True,
        )
        raise typer.Exit(SIGNAL_EXIT_BASE + result.stopped_by)
    assert result.summary is not None, "a run that was not stopped has a summary"
    if as_json:
        print_json({"run": str(folder), **result.summary})
        return
    for split in ("validation", "test"):
        print_figures(result.summary, split)
        print_types(result.summary, split)
    seconds, speed = result.summary["train_seconds"], result.summary["samples_per_second"]
    typer.echo(f"trained {seconds:.0f} s at {speed:.0f} samples/s, in {folder}")
    if (folder / "report.html").exists():
        typer.echo(f"report: {folder}/report.html")
