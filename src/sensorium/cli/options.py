"""The options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(help="A run folder.", show_default=False)]
RecipeArgument = Annotated[
    str,
    typer.Argument(help="A shipped recipe (demo, emoji, world, template) or a .yaml file."),
]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="key=value, as in train.steps=500.", show_default=False),
]
RunDirOption = Annotated[
    Path | None, typer.Option(help="The run folder.", show_default="runs/RECIPE")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a run there.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, ...")]
PrecisionOption = Annotated[
    str, typer.Option(help="float32, bfloat16, or auto: the faster one, if it says the same.")
]
