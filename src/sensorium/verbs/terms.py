"""What all trials of a search have in common, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorium.data import Dataset, Mixed, open_splits
from sensorium.errors import RecipeError
from sensorium.recipe import Recipe, recipe_tree, typed_recipe
from sensorium.verbs.budget import Budget
from sensorium.verbs.compare import settle_precision
from sensorium.verbs.grid import budget_of, on_equal_terms, with_values
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.run_data import draw_world
from sensorium.verbs.space import Space, make_space


@dataclass(frozen=True)
class SearchTerms:
    """What is searched.

    Attributes:
        recipe: with the first of all values.
        tree: of the recipe on equal terms, plain; trials put their values in.
        space: where is looked.
        own: key -> the recipe's own value; nothing where it lacks one.
        test: what the recipe is to be judged on, as its tree says it; None for nothing.
        budget: of each trial; None: the length is what is searched, or was said.
        left_out: task -> why some value cannot learn it, so that no trial does.
    """

    recipe: Recipe
    tree: dict[str, Any]
    space: Space
    own: dict[str, Any]
    test: Any
    budget: Budget | None
    left_out: dict[str, str]

    @property
    def of_fusions(self) -> bool:
        """Whether fusions are searched, so that what decides has to depend on them."""
        return any(key.startswith("model.fusion") for key in self.space)

    def asked(self, metric: str | None) -> dict[str, Any]:
        """What has to be the same for a search to go on."""
        space = {key: str(where) for key, where in self.space.items()}
        return {"recipe": self.tree, "search": space, "metric": metric, "test": self.test}


def make_terms(
    recipe: Recipe | str | Path,
    overrides: Sequence[str],
    search: Mapping[str, str | Sequence[Any]],
    budget: Budget | None,
) -> SearchTerms:
    """The terms, every value of the space valid in the recipe by itself.

    Raises:
        RecipeError: whatever is wrong with recipe, overrides, space or budget.
    """
    name, tree = recipe_tree(recipe, overrides)
    budget = budget_of(budget, overrides, search)
    if budget is not None and budget.unit == "minutes":
        raise RecipeError(f"--budget '{budget}': of a search, expected steps, epochs or %")
    test, train = (tree.get("data") or {}).get("test"), tree.get("train") or {}
    every = train.get("validate_every_steps")
    tree = on_equal_terms(tree, name)
    tree["evaluation"]["withhold"] = "each"
    tree["train"]["validate_every_steps"] = every
    space, left_out = make_space(search, tree, name)
    if budget is not None:
        tree["train"] |= budget.length(tree["train"])
    first = typed_recipe(
        with_values(tree, {key: where.corners[0] for key, where in space.items()}), name
    )
    if first.data.train is None:
        raise RecipeError(f"recipe {name}: data.train is missing; give data.train=PATH")
    return SearchTerms(first, tree, space, _own_values(tree, space), test, budget, left_out)


def settle(terms: SearchTerms, settled: dict[str, Any], listeners: Listeners) -> dict[str, Any]:
    """The tree of the recipe with what is found out once for all trials.

    Args:
        terms: of the search.
        settled: by an earlier start; what is found out now is added: what `auto` precision means,
            and how many `rows` there are to train on, where a length in epochs asks for it.
        listeners: who is told of progress.
    """
    tree, train = terms.tree, terms.recipe.train
    if train.precision == "auto" and "train.precision" not in terms.space:
        precision = settle_precision(train.device, settled)
        tree = with_values(tree, {"train.precision": precision})
    if "rows" not in settled:
        asked = train.steps is None and train.validate_every_steps is None
        settled["rows"] = _rows(terms.recipe, listeners) if asked else 0
        if asked and not settled["rows"]:
            listeners.on_note(
                "nobody knows how long an epoch of a stream is, so no trial is pruned; give "
                "train.validate_every_steps=N"
            )
    return tree


def _rows(recipe: Recipe, listeners: Listeners) -> int:
    """How many rows there are to train on; 0 where the data does not say."""
    draw_world(recipe, listeners)
    train = open_splits(recipe.data_to_read, recipe.seed, None, splits=["train"]).train
    return len(train) if isinstance(train, Dataset | Mixed) else 0


def _own_values(tree: dict[str, Any], space: Space) -> dict[str, Any]:
    """The recipe's own value of every key; nothing where it leaves one to the search."""
    try:
        whole = typed_recipe(tree, "").model_dump(mode="json")
    except RecipeError:
        return {}
    values = {}
    for key in space:
        value: Any = whole
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        values[key] = value
    return values
