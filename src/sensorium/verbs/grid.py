"""What is compared: every combination of some values of some recipe keys, on equal terms.

    axes {model.fusion: [gated, concat], train.learning_rate: [1e-3, 3e-4]}  ->  four variants

Equal terms: the test set is out of sight and some training rows are held out to judge by; nothing
is chosen by them before the end; a task that some variant cannot learn is left out of all; and
settings of the recipe's fusion hold for every fusion that has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import yaml

from sensorium.contradictions import unlearnable
from sensorium.errors import RecipeError
from sensorium.recipe import (
    Recipe,
    parse_recipe,
    recipe_tree,
    set_key,
    typed_recipe,
)
from sensorium.verbs.budget import DEFAULT_SHARE, Budget

SHORT_KEYS = {"fusion": "model.fusion"}
HELD_OUT = 0.1  # of the training rows, where the recipe does not say
LENGTH_KEYS = ("train.steps", "train.epochs")

Axes = dict[str, list[Any]]


@dataclass(frozen=True)
class Variant:
    """One of the things that are compared.

    Attributes:
        name: as people read it: `gated`, or `fusion=gated, depth=2`.
        folder: of its runs, inside that of the comparison.
        values: recipe key -> value.
        recipe: with the first seed.
    """

    name: str
    folder: str
    values: dict[str, Any]
    recipe: Recipe


@dataclass(frozen=True)
class Grid:
    """All variants, and what was done to the recipe for their sake.

    Attributes:
        name: of the recipe.
        axes: recipe key -> the values that are compared.
        variants: every combination.
        budget: of each run; None: the length is what is compared.
        left_out: task -> why some variant cannot learn it, so that none does.
        kept: settings of the recipe's fusion that hold for every fusion that has them.
    """

    name: str
    axes: Axes
    variants: list[Variant]
    budget: Budget | None
    left_out: dict[str, str]
    kept: dict[str, Any]

    @property
    def of_fusions(self) -> bool:
        """Whether fusions are compared, so that what decides has to depend on them."""
        return any(key.startswith("model.fusion") for key in self.axes)


def read_axes(said: Sequence[str]) -> Axes:
    """Keys and their values as a command line has them: `fusion=concat,gated`.

    Values are separated by commas; what YAML writes in one line may be one, as `{name: gated}`.

    Raises:
        RecipeError: it is something else, or a key comes twice.
    """
    axes: Axes = {}
    for one in said:
        key, equals, values = one.partition("=")
        try:
            parsed = yaml.safe_load(f"[{values}]") if equals and key else None
        except yaml.YAMLError:
            parsed = None
        if not parsed:
            raise RecipeError(f"--over {one!r}: expected key=value,value, as in fusion=sum,gated")
        if key in axes:
            raise RecipeError(f"--over {key}: given twice; put all its values into one")
        axes[key] = parsed
    return axes


def make_grid(
    recipe: Recipe | str | Path,
    overrides: Sequence[str],
    over: Mapping[str, Sequence[Any]],
    budget: Budget | None,
) -> Grid:
    """Every variant, its recipe checked before anything is computed.

    Args:
        recipe: a shipped recipe's name, a path, or a recipe.
        overrides: `dotted.key=value`, for all variants.
        over: recipe key -> values.
        budget: of each run; None takes a fifth of the recipe's length, or the length that the
            overrides or axes say.

    Raises:
        RecipeError: a variant that is no valid recipe, or nothing to compare.
    """
    axes = _checked(over)
    name, tree = recipe_tree(recipe, overrides)
    budget = budget_of(budget, overrides, axes)
    kept = _fusion_settings(tree) if "model.fusion" in axes else {}
    tree = on_equal_terms(tree, name)
    if budget is not None and budget.unit != "minutes" and isinstance(tree.get("train"), dict):
        tree["train"] |= budget.length(tree["train"])
    chosen = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    trees = [with_values(tree, values) for values in chosen]
    names = [_name_of(values) for values in chosen]
    told = [f"{name}, {of}" for of in names]
    left_out = leave_out_tasks(tree, trees, told)
    recipes = [parse_recipe(tree, of) for tree, of in zip(trees, told, strict=True)]
    if recipes[0].data.train is None:
        raise RecipeError(f"recipe {name}: data.train is missing; give data.train=PATH")
    variants = [
        Variant(*facts) for facts in zip(names, _folders_of(chosen), chosen, recipes, strict=True)
    ]
    return Grid(recipes[0].name, axes, variants, budget, left_out, kept)


def _checked(over: Mapping[str, Sequence[Any]]) -> Axes:
    axes: Axes = {}
    for key, values in over.items():
        key = SHORT_KEYS.get(key, key)
        if key == "seed":
            raise RecipeError("--over seed: every variant has several seeds; give --seeds")
        if key in axes:
            raise RecipeError(f"--over {key}: given twice; put all its values into one")
        axes[key] = list(values)
        labels = [label(value) for value in values]
        twice = next((one for one in labels if labels.count(one) > 1), None)
        if twice is not None:
            raise RecipeError(f"--over {key}: {twice} is named twice")
    if prod(map(len, axes.values())) < 2:
        raise RecipeError(
            "nothing to compare: give two values or more, as in --over fusion=sum,gated"
        )
    return axes


def budget_of(
    budget: Budget | None, overrides: Sequence[str], keys: Iterable[str]
) -> Budget | None:
    """The budget of each run: what was asked, or a fifth of the recipe's length; None where
    overrides, or the keys that are tried, say the length.

    Raises:
        RecipeError: the length is said twice.
    """
    said = {override.partition("=")[0] for override in overrides}.union(keys)
    if not said.intersection(LENGTH_KEYS):
        return budget or Budget(DEFAULT_SHARE, "%")
    if budget is not None:
        raise RecipeError(f"{' and '.join(LENGTH_KEYS)} are said already; leave out --budget")
    return None


def on_equal_terms(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """The tree of a recipe whose runs are judged on held-out rows, and by nothing else."""
    tree = deepcopy(tree)
    for key, value in {
        "data.test": None,
        "train.validate_every_steps": None,
        "train.best_metric": None,
        "train.keep_checkpoints": 1,
        "evaluation.withhold": "subsets",
    }.items():
        set_key(tree, key, value)
    data = tree["data"]
    if not data.get("validation") and not data.get("validation_share"):
        data["validation_share"] = HELD_OUT
        train = data.get("train")
        several = isinstance(train, list) and len(train) > 1
        if several or (isinstance(train, dict) and train.get("stream")):
            raise RecipeError(
                f"recipe {name}: variants are judged on rows held out of the training set, which "
                "cannot be done with a stream or with several sets; give data.validation"
            )
    return tree


def _fusion_settings(tree: dict[str, Any]) -> dict[str, Any]:
    """What the recipe says of its fusion, beside its name."""
    fusion = (tree.get("model") or {}).get("fusion")
    if not isinstance(fusion, dict):
        return {}
    return {key: value for key, value in fusion.items() if key != "name"}


def with_values(tree: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a plain tree with these values at dotted keys."""
    tree = deepcopy(tree)
    for key, value in values.items():
        set_key(tree, key, value)
    return tree


def leave_out_tasks(
    base: dict[str, Any], trees: Sequence[dict[str, Any]], names: Sequence[str]
) -> dict[str, str]:
    """Take out of all trees, in place, the tasks that some variant cannot learn -> why.

    What neither a variant nor the recipe itself can learn stays, to be refused as a mistake.
    """
    recipes = [typed_recipe(tree, name) for tree, name in zip(trees, names, strict=True)]
    cannot = [unlearnable(recipe) for recipe in recipes]
    try:
        itself = [unlearnable(typed_recipe(base, ""))]
    except RecipeError:  # as one that leaves to the axes what has to be said
        itself = []
    left_out: dict[str, str] = {}
    for problems in cannot:
        for task, why in problems.items():
            if not all(task in others for others in (*cannot, *itself)):
                left_out.setdefault(task, why)
    for tree, recipe in zip(trees, recipes, strict=True):
        if left_out and left_out.keys() >= recipe.tasks.chosen().keys():
            raise RecipeError(
                "the variants have no task in common that all of them can learn:\n"
                + "\n".join(left_out.values())
            )
        tree["tasks"] |= dict.fromkeys(left_out)
    return left_out


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Each dotted key -> as much of its end as tells it from the others."""
    ends = {key: [key.split(".", cut)[-1] for cut in range(key.count("."), -1, -1)] for key in keys}
    return {
        key: next(end for end in own if sum(end in others for others in ends.values()) == 1)
        for key, own in ends.items()
    }


def _name_of(values: Mapping[str, Any]) -> str:
    if len(values) == 1:
        return label(next(iter(values.values())))
    short = short_keys(values)
    return ", ".join(f"{short[key]}={label(value)}" for key, value in values.items())


def _folders_of(chosen: Sequence[Mapping[str, Any]]) -> list[str]:
    """A folder for each variant, in words that a path can hold."""
    folders: list[str] = []
    for values in chosen:
        short = short_keys(values)
        folder = ",".join(f"{short[key]}={_plain(label(v))}" for key, v in values.items())
        folders.append(folder if folder not in folders else f"{folder}-{len(folders) + 1}")
    return folders


def label(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(_parts(value))
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).splitlines()[0]


def _parts(value: Mapping[str, Any]) -> Iterator[str]:
    for key, part in value.items():
        yield str(part) if key == "name" else f"{key} {label(part)}"


def _plain(label: str) -> str:
    """A part of a path, whatever the label holds."""
    return re.sub(r"[^\w.+-]+", "-", label).strip("-.") or "-"
