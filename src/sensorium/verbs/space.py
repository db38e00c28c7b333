"""Where a search may look: for some recipe keys a range of numbers, or values to choose from.

    train.learning_rate=log:1e-4..1e-2        numbers, evenly over their logarithms
    model.encoders.image.depth=2..6           whole numbers, both ends included
    fusion=concat,gated                       one of these

All of it is checked against the recipe before anything is trained.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sensorium.errors import RecipeError
from sensorium.evaluation.search import Where
from sensorium.recipe import typed_recipe
from sensorium.verbs.grid import SHORT_KEYS, label, leave_out_tasks, with_values

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"\s*(log:)?\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*")
DIGITS = 4  # of a drawn number: more tell nothing, and are a pain to type
LEAST_VALUES = 2


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        whole: whether only whole ones.
        log: whether evenly over their logarithms.
    """

    low: float
    high: float
    whole: bool
    log: bool

    @property
    def corners(self) -> list[Any]:
        """The values to be checked."""
        return [self.value_of(self.low), self.value_of(self.high)]

    def value_of(self, drawn: float) -> Any:
        """A drawn number as the recipe gets it."""
        if self.whole:
            return int(drawn)
        return min(max(float(f"{drawn:.{DIGITS}g}"), self.low), self.high)

    def drawn_as(self, value: Any) -> float | None:
        """The number that gives a value; None for one beyond the range."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number and self.low <= value <= self.high else None

    def told(self) -> Where:
        """As the page draws it."""
        return Where(str(self), (self.low, self.high), self.log)

    def __str__(self) -> str:
        low, high = (label(self.value_of(end)) for end in (self.low, self.high))
        return f"{'log:' if self.log else ''}{low}..{high}"


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    @property
    def corners(self) -> list[Any]:
        """The values to be checked."""
        return list(self.values)

    @property
    def labels(self) -> list[str]:
        """The values, as they are drawn and as people write them."""
        return [label(value) for value in self.values]

    def value_of(self, drawn: str) -> Any:
        """A drawn value as the recipe gets it."""
        return self.values[self.labels.index(drawn)]

    def drawn_as(self, value: Any) -> str | None:
        """What is drawn for a value; None for one that is no choice. Settings beside a name, as
        of a fusion, are those that the choice keeps."""
        said = value["name"] if isinstance(value, dict) and "name" in value else value
        return next((label(one) for one in self.values if one in (value, said)), None)

    def told(self) -> Where:
        """As the page draws it."""
        return Where(str(self), labels=tuple(self.labels))

    def __str__(self) -> str:
        return ",".join(self.labels)


Space = dict[str, Range | Choice]


def read_search(said: Sequence[str]) -> dict[str, str]:
    """Keys and where to look as a command line has them.

    Raises:
        RecipeError: it is something else, or a key comes twice.
    """
    found: dict[str, str] = {}
    for one in said:
        key, equals, values = one.partition("=")
        if not equals or not key or not values:
            raise RecipeError(
                f"--search {one!r}: expected key=range or key=value,value, as in "
                "train.learning_rate=log:1e-4..1e-2 or fusion=concat,gated"
            )
        if key in found:
            raise RecipeError(f"--search {key}: given twice")
        found[key] = values
    return found


def make_space(
    search: Mapping[str, str | Sequence[Any]], tree: dict[str, Any], name: str
) -> tuple[Space, dict[str, str]]:
    """The space, every end and every choice of it valid in the recipe by itself.

    Args:
        search: recipe key -> a range, as text, or values, as text or as they are.
        tree: of the recipe, plain. A task that some choice cannot learn is taken out of it.
        name: of the recipe, for messages.

    Returns:
        The space, and task -> why it was left out.

    Raises:
        RecipeError: whatever is wrong with it.
    """
    space: Space = {}
    for key, said in search.items():
        key = SHORT_KEYS.get(key, key)
        if key in space:
            raise RecipeError(f"--search {key}: given twice")
        if key == "seed":
            raise RecipeError("--search seed: a seed is not better than others; leave it out")
        space[key] = _dimension(key, said, tree)
    if not space:
        raise RecipeError("nothing to search: give --search key=range")
    corners = [(key, value) for key, of_key in space.items() for value in of_key.corners]
    trees = [with_values(tree, {key: value}) for key, value in corners]
    told = [f"{name}, --search {key}={label(value)}" for key, value in corners]
    left_out = leave_out_tasks(tree, trees, told)
    tree["tasks"] |= dict.fromkeys(left_out)
    return space, left_out


def _dimension(key: str, said: str | Sequence[Any], tree: dict[str, Any]) -> Range | Choice:
    if isinstance(said, str) and (match := RANGE.fullmatch(said)):
        return _range(key, said, tree, bool(match[1]), match[2], match[3])
    if isinstance(said, str) and ".." in said:
        raise RecipeError(
            f"--search {key}={said}: expected numbers at both ends of a range, as in "
            "log:1e-4..1e-2 or 2..6"
        )
    values = _values(said) if isinstance(said, str) else list(said)
    if len(values) < LEAST_VALUES:
        raise RecipeError(
            f"--search {key}={said}: expected a range, as 2..6, or two values or more"
        )
    choice = Choice(tuple(values))
    if len(set(choice.labels)) < len(values):
        raise RecipeError(f"--search {key}={said}: a value is named twice")
    return choice


def _range(key: str, said: str, tree: dict[str, Any], log: bool, first: str, last: str) -> Range:
    low, high = float(first), float(last)
    if low >= high or (log and low <= 0) or not math.isfinite(high):
        rule = "above zero, the lower one first" if log else "the lower one first"
        raise RecipeError(f"--search {key}={said}: expected two ends {rule}")
    whole = low.is_integer() and high.is_integer() and not _takes(tree, key, high - 0.5)
    return Range(low, high, whole, log)


def _takes(tree: dict[str, Any], key: str, value: Any) -> bool:
    """Whether the recipe may have a value at a key."""
    try:
        typed_recipe(with_values(tree, {key: value}), "")
    except RecipeError:
        return False
    return True


def _values(said: str) -> list[Any]:
    """Values separated by commas, each as YAML writes it in one line."""
    try:
        return yaml.safe_load(f"[{said}]") or []
    except yaml.YAMLError:
        return []
