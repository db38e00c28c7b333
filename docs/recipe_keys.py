"""Write `recipe_keys.md`: every key of a recipe, with its type, default and help text.

    python docs/recipe_keys.py

It reads the settings' classes themselves, so the page cannot say anything else than the code. A
test fails where the page is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sensorium.recipe import Recipe

PAGE = Path(__file__).with_name("recipe_keys.md")

INTRODUCTION = """\
# Every key of a recipe

Written by `python docs/recipe_keys.py` from the settings' own classes; do not edit it by hand.
How recipes work is on the page [recipes](recipes.md). "required" has no default; "not set" is
`null` in YAML. The keys below a part that is not set, as `model.fusion`, hold once it is set. Where
there is a choice, as of fusions, each has a table of its own.
"""

BOUNDS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}


def page() -> str:
    """The whole page: one table for what stands alone, then one for each part of a recipe."""
    alone = {n: f for n, f in Recipe.model_fields.items() if not _inner(f.annotation)}
    parts = {n: f for n, f in Recipe.model_fields.items() if _inner(f.annotation)}
    sections = [INTRODUCTION, _table([_row(name, field) for name, field in alone.items()])]
    for name, field in parts.items():
        sections.append(f"## {name}\n\n{_help(field)}\n")
        inner = _inner(field.annotation)
        sections.append(_table([row for part in inner for row in _rows(part, name)]))
        sections.extend(
            f"### {key}: {config.model_fields['name'].default}\n\n{_first_line(config)}\n\n"
            + _table(list(_rows(config, key)))
            for part in inner
            for key, configs in _choices(part, name)
            for config in configs
        )
    return "\n".join(sections)


def _rows(config: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    """The keys of a config and of those inside it, in the order of the class."""
    for name, field in config.model_fields.items():
        yield _row(f"{prefix}.{name}", field)
        inner = _inner(field.annotation)
        if len(inner) == 1:
            yield from _rows(inner[0], f"{prefix}.{name}")


def _choices(config: type[BaseModel], prefix: str) -> Iterator[tuple[str, list[type[BaseModel]]]]:
    """The keys that choose between several configs by name, and those."""
    for name, field in config.model_fields.items():
        inner = _inner(field.annotation)
        if len(inner) > 1:
            yield f"{prefix}.{name}", inner
        elif inner:
            yield from _choices(inner[0], f"{prefix}.{name}")


def _first_line(config: type[BaseModel]) -> str:
    assert config.__doc__, "every config says what it is"
    return config.__doc__.splitlines()[0]


def _row(key: str, field: FieldInfo) -> tuple[str, ...]:
    limits = [one for one in field.metadata if type(one) in BOUNDS]
    bounds = [
        f"{sign} {getattr(one, name)}" for one in limits for name, sign in [BOUNDS[type(one)]]
    ]
    return f"`{key}`", ", ".join([_kind(field.annotation), *bounds]), _default(field), _help(field)


def _kind(annotation: Any) -> str:
    """A type in words: `float`, `crop, pad or stretch`, `list of str`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, UnionType):
        kinds = dict.fromkeys(_kind(one) for one in arguments if one is not NoneType)
        return " or ".join(kinds)
    if origin is Literal:
        *first, last = [f"`{value}`" for value in arguments]
        return f"{', '.join(first)} or {last}" if first else last
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"list of {_kind(arguments[0])}"
    if origin is tuple:
        return f"{len(arguments)} x {_kind(arguments[0])}"
    if origin is dict:
        return f"{_kind(arguments[0])} -> {_kind(arguments[1])}"
    return "keys" if issubclass(annotation, BaseModel) else annotation.__name__


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "not set"
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _help(field: FieldInfo) -> str:
    assert field.description, "every field of a config has its help text below it"
    return " ".join(field.description.split()).replace("|", r"\|")


def _inner(annotation: Any) -> list[type[BaseModel]]:
    """The config classes that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = [one for argument in get_args(annotation) for one in _inner(argument)]
    return list(dict.fromkeys(inner))  # "a set, or a list of sets" has the keys of a set once


def _table(rows: list[tuple[str, ...]]) -> str:
    head = [("key", "type", "default", "meaning"), ("---",) * 4]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*head, *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
