"""What `pretrain` and `finetune` share: a training that is shown, and what is said at its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from sensorium.cli.console import Announcer, print_json
from sensorium.cli.figures import print_figures, print_types

if TYPE_CHECKING:
    from sensorium.verbs.train_run import Pretrained

SIGNAL_EXIT_BASE = 128  # what a shell reports for a process that a signal ended


def train_and_tell(
    train: Callable[..., Pretrained],
    verb: str,
    recipe: str,
    overrides: Sequence[str] | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train by a verb's function, and say what came of it.

    Args:
        train: the function.
        verb: its name.
        recipe: by which recipe.
        overrides: with which overrides.
        as_json: whether it is said to a program.
        options: what else the function takes.
    """
    with Announcer() as announcer:
        result = train(recipe, overrides or [], listeners=announcer.listeners(), **options)
    tell(result, f"sensorium {verb} {recipe}", as_json)


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
