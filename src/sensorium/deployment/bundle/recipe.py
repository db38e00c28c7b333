"""What a bundle keeps of the recipe that its model was made by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sensorium.assemble import assemble
from sensorium.batch import Learned
from sensorium.config import Config
from sensorium.data import DataConfig, Tokenizer
from sensorium.deployment.bundle.manifest import read_json, said_of
from sensorium.errors import BundleError, SensoriumError
from sensorium.model import ModelConfig
from sensorium.tasks import Mixture, TasksConfig

RECIPE, TOKENIZER, TARGETS = "recipe.json", "tokenizer.json", "targets.json"
LEARNED: TypeAdapter[dict[str, Learned]] = TypeAdapter(dict[str, Learned])
NO_PLACES = dict.fromkeys(("root", "train", "validation", "test"))
"""A bundle says how inputs are read, and not where somebody's data lay."""


class BundleRecipe(Config):
    """The parts of a recipe that answering needs."""

    name: str
    """Of the run."""
    data: DataConfig
    """How inputs are read."""
    model: ModelConfig
    """f."""
    tasks: TasksConfig
    """g."""

    @classmethod
    def of(
        cls,
        name: str,
        data: DataConfig,
        model: ModelConfig,
        tasks: TasksConfig,
        chosen: Sequence[str] | None = None,
    ) -> BundleRecipe:
        """The parts without anything that points elsewhere.

        Args:
            chosen: the tasks that go along; None takes all.
        """
        text = data.text.model_copy(update={"tokenizer": None})
        data = data.model_copy(update={**NO_PLACES, "validation_share": 0.0, "text": text})
        if model.encoders.video is not None:
            video = model.encoders.video.model_copy(update={"image_weights": None})
            encoders = model.encoders.model_copy(update={"video": video})
            model = model.model_copy(update={"encoders": encoders})
        if chosen is not None:
            left = {task: None for task in tasks.chosen() if task not in chosen}
            tasks = tasks.model_copy(update=left)
        return cls(name=name, data=data, model=model, tasks=tasks)


@dataclass(frozen=True)
class Plan:
    """All of a model but its weights.

    Attributes:
        recipe: what to build.
        tokenizer: of its texts.
        learned: target field -> its names and figures.
    """

    recipe: BundleRecipe
    tokenizer: Tokenizer
    learned: Mapping[str, Learned]

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """That of a bundle whose manifest was checked.

        Raises:
            BundleError: it cannot be read, or says what makes no sense.
        """
        name = RECIPE
        try:
            recipe = BundleRecipe.model_validate_json(read_json(folder, RECIPE))
            name, learned = TARGETS, {}
            if (folder / TARGETS).exists():
                learned = LEARNED.validate_json(read_json(folder, TARGETS))
        except ValidationError as error:
            raise BundleError(f"{folder / name}: {said_of(error)}") from error
        read_json(folder, TOKENIZER)
        return cls(recipe, Tokenizer.load(folder / TOKENIZER), learned)

    def build(self) -> Mixture:
        """The model and its tasks, with fresh weights.

        Raises:
            BundleError: the parts do not fit each other.
        """
        parts = self.recipe
        try:
            return assemble(parts.model, parts.tasks, parts.data, self.tokenizer, self.learned)
        except SensoriumError:
            raise
        except Exception as error:  # whatever a made-up recipe makes torch say
            raise BundleError(
                f"no model can be built of this bundle's recipe: {type(error).__name__}: {error}"
            ) from error

    def write(self, folder: Path) -> list[str]:
        """Write it down; the names of the files."""
        (folder / RECIPE).write_text(self.recipe.model_dump_json(indent=1), encoding="utf-8")
        self.tokenizer.save(folder / TOKENIZER)
        names = [RECIPE, TOKENIZER]
        if self.learned:
            (folder / TARGETS).write_bytes(LEARNED.dump_json(dict(self.learned), indent=1))
            names.append(TARGETS)
        return names
