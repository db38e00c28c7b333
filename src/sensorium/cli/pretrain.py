"""`sensorium pretrain RECIPE [key=value ...]`."""

from sensorium.cli.options import (
    JsonOption,
    OverridesArgument,
    OverwriteOption,
    RecipeArgument,
    ResumeOption,
    RunDirOption,
)
from sensorium.cli.trained import train_and_tell


def pretrain(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    run_dir: RunDirOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model by a recipe, and judge it on the test set."""
    from sensorium.verbs.pretrain import pretrain as pretrain_verb

    train_and_tell(
        pretrain_verb,
        "pretrain",
        recipe,
        overrides,
        as_json,
        run_dir=run_dir,
        resume=resume,
        overwrite=overwrite,
    )
