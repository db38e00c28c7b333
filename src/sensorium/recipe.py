"""The recipe: one typed tree of all settings, read from YAML, overridden by dotted keys.

It is made of the configs that each component keeps beside its class. Whatever is wrong in it is
refused before any compute: an unknown key with the nearest valid name, a wrong type, settings that
contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from sensorium.config import Config
from sensorium.contradictions import contradictions
from sensorium.data.settings import FORMS, DataConfig
from sensorium.errors import RecipeError, nearest
from sensorium.evaluation.evaluate import EvaluationConfig
from sensorium.model import ModelConfig
from sensorium.tasks import TASKS, TasksConfig
from sensorium.training.config import TrainConfig
from sensorium.training.finetune import FinetuneConfig
from sensorium.world.build import WorldConfig


class Recipe(Config):
    """Everything that a run is made from."""

    name: str
    """Names the run's folder, where no other is given."""
    seed: int = 0
    """Of everything random."""
    world: WorldConfig | None = None
    """The embedded world to draw into `data.root`, unless something lies there already."""
    data: DataConfig
    """What is read."""
    model: ModelConfig
    """f: encoders and fusion."""
    tasks: TasksConfig
    """g: what is learned."""
    train: TrainConfig
    """How it is learned."""
    finetune: FinetuneConfig | None = None
    """How a model that starts from a trained run goes on to learn."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How it is judged."""

    @property
    def data_to_read(self) -> DataConfig:
        """`data`, without the modalities that nothing has a use for, unless they are said.

        What the model has no encoder for and no task reads is not decoded, and a row that lacks it
        is not broken.
        """
        read = [m for name in self.tasks.chosen() for m in TASKS[name].needs_data]
        used = list(dict.fromkeys([*self.model.encoders.chosen(), *read]))
        seen = self.data.modalities or used
        return self.data.model_copy(update={"modalities": seen})


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = files("sensorium.recipes")
    return sorted(f.name[: -len(".yaml")] for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_recipe(recipe: Recipe | str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a shipped recipe by name, or any by path, and apply overrides.

    Args:
        recipe: `emoji`, `my/recipe.yaml`, or a recipe that was read before.
        overrides: `dotted.key=value`, the value in YAML: `train.steps=500`,
            `data.fields.text=[a, b]`.

    Raises:
        RecipeError: everything that is wrong with it, one line each.
    """
    name, tree = recipe_tree(recipe, overrides)
    return parse_recipe(tree, name)


def recipe_tree(
    recipe: Recipe | str | Path, overrides: Sequence[str] = (), *, defaults: bool = True
) -> tuple[str, dict[str, Any]]:
    """A recipe's name for messages, and its plain tree with the overrides, unchecked.

    Args:
        recipe: as for `load_recipe`.
        overrides: the same.
        defaults: whether one that was read before comes with what it did not say.

    Raises:
        RecipeError: there is no such recipe, or it is no tree.
    """
    if isinstance(recipe, Recipe):
        name, tree = recipe.name, recipe.model_dump(mode="json", exclude_unset=not defaults)
    else:
        name, text = _read(str(recipe))
        try:
            tree = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(
                f"recipe {name} is not YAML: {' '.join(str(error).split())}"
            ) from error
        if not isinstance(tree, dict):
            raise RecipeError(
                f"recipe {name}: expected a mapping of keys, got {type(tree).__name__}"
            )
    apply_overrides(tree, overrides)
    return name, tree


def override_recipe(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """The recipe with other values at some dotted keys."""
    return load_recipe(recipe, overrides)


def parse_recipe(tree: dict[str, Any], name: str) -> Recipe:
    """A checked recipe from its plain tree; `name` is for the errors."""
    recipe = typed_recipe(tree, name)
    problems = list(contradictions(recipe))
    if problems:
        raise RecipeError("\n".join(f"recipe {name}: {problem}" for problem in problems))
    return recipe


def typed_recipe(tree: dict[str, Any], name: str) -> Recipe:
    """A recipe of which every value is valid by itself; settings may still contradict others."""
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise RecipeError("\n".join(f"recipe {name}: {line}" for line in lines)) from error


def dump_recipe(recipe: Recipe) -> str:
    """The whole recipe, defaults included, as YAML that reads back to the same."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(name_or_path: str) -> tuple[str, str]:
    """The recipe's name for messages, and its text."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            raise RecipeError(f"no recipe file {path}")
        try:
            return str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {path} cannot be read: {error}") from error
    shipped = shipped_recipes()
    if name_or_path not in shipped:
        raise RecipeError(
            f"no recipe named {name_or_path!r}{nearest(name_or_path, shipped)}; shipped: "
            f"{', '.join(shipped)}; or give the path of a .yaml file"
        )
    resource = files("sensorium.recipes") / f"{name_or_path}.yaml"
    return name_or_path, resource.read_text(encoding="utf-8")


def apply_overrides(tree: dict[str, Any], overrides: Sequence[str]) -> None:
    """Put other values at some dotted keys of a plain tree, in place."""
    for override in overrides:
        _apply_override(tree, override)


def _apply_override(tree: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"override {override!r}: expected key=value, as in train.steps=500")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"override {override!r}: the value is not YAML") from error
    try:
        set_key(tree, key, parsed)
    except RecipeError as error:
        raise RecipeError(f"override {override!r}: {error}") from error


def set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    """Put a value at a dotted key of a plain tree.

    Where it is the name of a choice, as of a fusion, the settings that were there and that it knows
    too stay.

    Raises:
        RecipeError: the key leads through a value.
    """
    path = key.split(".")
    part = path[:-1] if path[-1] == "name" else path
    choices = _choices_at(part)
    if choices and isinstance(value, str):
        path, value = part, _choose(value, choices, _value_at(tree, part))
    *parents, last = path
    node = tree
    for depth, parent in enumerate(parents, start=1):
        child = node.get(parent)
        if child is None:
            child = node[parent] = {}
        if isinstance(child, str) and _choices_at(parents[:depth]):
            child = node[parent] = {"name": child}
        if not isinstance(child, dict):
            raise RecipeError(f"{parent} holds a value, not keys")
        node = child
    node[last] = value


def _choose(name: str, choices: Mapping[str, type[BaseModel]], before: Any) -> dict[str, Any]:
    """The settings of the choice `name`, which keeps of those `before` what it knows and allows.

    What no choice knows is kept as well, to be refused as the mistake that it is.
    """
    settings = {**before, "name": name} if isinstance(before, dict) else {"name": name}
    if name not in choices:
        return settings
    known = {key for config in choices.values() for key in config.model_fields}
    left_out = known - set(choices[name].model_fields)
    try:
        choices[name].model_validate({k: v for k, v in settings.items() if k not in left_out})
    except ValidationError as error:
        left_out |= {
            key for problem in error.errors() for key in problem["loc"][:1] if key in known
        }
    return {key: value for key, value in settings.items() if key not in left_out}


def _value_at(tree: Any, path: Sequence[str]) -> Any:
    """What a plain tree holds at a path; None where it ends before."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _explain(problem: Any) -> str:
    """One line for one of pydantic's errors."""
    *place, last = problem["loc"] or ("top level",)
    parents, config = _place(place)
    where = ".".join(map(str, _place(problem["loc"])[0])) or "top level"
    if problem["type"] == "extra_forbidden":
        valid = sorted(config.model_fields) if config is not None else []
        return f"{where}: no such key{nearest(str(last), valid)}; expected {', '.join(valid)}"
    if where == "model" and (problem["type"] == "missing" or problem["input"] is None):
        return (
            "model: missing; give it in the recipe, or take that of a run by "
            "`sensorium finetune RECIPE --from RUN`"
        )
    if problem["type"] == "missing":
        return f"{where}: missing; give it in the recipe or as {where}=..."
    if problem["type"] == "union_tag_invalid":
        name, valid = problem["ctx"]["tag"], list(_choices_at([*map(str, parents), last]))
        near = nearest(name, valid)
        return f"{where}: no {last} named {name!r}{near}; expected one of {', '.join(valid)}"
    came = repr(problem["input"])
    came = came if len(came) <= 60 else came[:57] + "..."
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}; got {came}"


def _place(location: Sequence[str | int]) -> tuple[list[str | int], type[BaseModel] | None]:
    """A place in pydantic's errors as a recipe has it, and the config there, if it is one.

    Pydantic also names the form, or the choice, that it took a value for.
    """
    config: type[BaseModel] | None = Recipe
    choices: dict[str, type[BaseModel]] = {}
    place: list[str | int] = []
    for part in location:
        if part in choices:
            config, choices = choices[str(part)], {}
        elif part not in FORMS:
            place.append(part)
            if isinstance(part, str):  # and a number says which of several alike
                inner = _configs_of(config, part)
                config = inner[0] if inner else None
                choices = _by_name(inner)
    return place, config


def _choices_at(path: Sequence[str]) -> dict[str, type[BaseModel]]:
    """Name -> config, where the recipe has a choice between several, as of fusions."""
    _, config = _place(path[:-1])
    return _by_name(_configs_of(config, path[-1])) if path else {}


def _by_name(configs: Sequence[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """What there is to choose from; nothing where there is only one."""
    return {c.model_fields["name"].default: c for c in configs} if len(configs) > 1 else {}


def _configs_of(config: type[BaseModel] | None, key: str) -> list[type[BaseModel]]:
    """The config classes that a field of another may hold."""
    field = config.model_fields.get(key) if config is not None else None
    return list(dict.fromkeys(_config_classes(field.annotation))) if field is not None else []


def _config_classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _config_classes(argument)
