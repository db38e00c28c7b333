"""Cells that hold boxes: which are there, of which class, and what is wrong with others.

    [{"box": [12, 30, 40, 25], "label": "cat"}, ...]                 a list of objects
    {"bbox": [[12, 30, 40, 25], ...], "category": ["cat", ...]}      the form of Hugging Face
    [12, 30, 40, 25]                                                 the only one, of `box`

A faulty box is named and left out, and the others of its row stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from sensorium.config import Config
from sensorium.data.quarantine import BrokenSample
from sensorium.data.target_cells import class_name

BOX_KEYS = ("box", "bbox")
LABEL_KEYS = ("label", "category", "class", "class_name", "name", "category_id", "labels")
CROWD_KEYS = ("crowd", "iscrowd", "is_crowd")
PIXELS_OUTSIDE = 1.0
"""A box may reach out of its picture by so much, which is rounding; it is cut without a word."""


class BoxesConfig(Config):
    """How the cells of `boxes` and `box` are read."""

    form: Literal["xywh", "xyxy"] = "xywh"
    """The four numbers of a box, in pixels of the picture file from its top left corner: x, y,
    width, height, as in COCO; or left, top, right, bottom."""
    label: str | None = Field(default=None, min_length=1)
    """The key of an object's class; left out, the first of label, category, class, class_name,
    name, category_id, labels that it has."""


class Found(NamedTuple):
    """A box that can be used: left, top, right, bottom in pixels of the file."""

    corners: tuple[float, float, float, float]
    label: str
    crowd: bool


def boxes_in(cells: Sequence[Any], config: BoxesConfig) -> tuple[list[Found], list[str]]:
    """The objects that cells hold, and in words what is wrong with those that are left out."""
    found, flaws = [], []
    for cell in cells:
        for one in _objects(cell):
            try:
                found.append(_found(one, config))
            except BrokenSample as error:
                flaws.append(str(error))
    return found, flaws


def holds_boxes(cell: Any) -> bool:
    """Whether a cell looks like objects with boxes, of which no recipe says that it holds them."""
    first = cell[0] if isinstance(cell, list) and cell else cell
    return isinstance(first, dict) and _first(first, BOX_KEYS) is not None


def corners_of(box: Any, config: BoxesConfig) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a box in the form that the recipe says.

    Raises:
        BrokenSample: it is no box, or has no area.
    """
    if not is_box(box):
        numbers = "x, y, width, height" if config.form == "xywh" else "left, top, right, bottom"
        raise BrokenSample(f"box {box!r} is not four numbers [{numbers}]")
    x, y, width, height = map(float, box)
    if config.form == "xyxy":
        width, height = width - x, height - y
    if width <= 0 or height <= 0:
        raise BrokenSample(f"box {box} has no area")
    return x, y, x + width, y + height


def the_box(cells: Sequence[Any]) -> list[Any]:
    """The one box that cells hold: their four numbers, or a list of them."""
    return cells[0] if len(cells) == 1 and isinstance(cells[0], list) else list(cells)


def is_box(box: Any) -> bool:
    """Whether it is four finite numbers."""
    return (
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in box)
        and all(map(math.isfinite, box))
    )


def outside(corners: tuple[float, float, float, float], height: float, width: float) -> str | None:
    """What is wrong with where a box lies in its picture; None where nothing is."""
    left, top, right, bottom = corners
    named = f"box [{', '.join(f'{n:g}' for n in corners)}] (left, top, right, bottom)"
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        return f"{named} lies outside of its picture of {width:g} x {height:g}"
    over = max(-left, -top, right - width, bottom - height)
    if over > PIXELS_OUTSIDE:
        return f"{named} reaches out of its picture of {width:g} x {height:g} by {over:g} pixels"
    return None


def _objects(cell: Any) -> Iterator[Any]:
    """The objects of a cell: itself, or where its keys hold lists, one of each place in them."""
    boxes = _first(cell, BOX_KEYS) if isinstance(cell, dict) else None
    if isinstance(boxes, list) and all(isinstance(box, list | tuple) for box in boxes):
        for number, box in enumerate(boxes):
            beside = {
                key: value[number]
                for key, value in cell.items()
                if isinstance(value, list) and number < len(value)
            }
            yield beside | {"box": box}
    else:
        yield cell


def _found(one: Any, config: BoxesConfig) -> Found:
    if not isinstance(one, dict) or _first(one, BOX_KEYS) is None:
        raise BrokenSample(
            f"expected objects with {' or '.join(BOX_KEYS)}, as {{box: [x, y, width, height], "
            f"label: cat}}, got {one!r:.60}"
        )
    keys = LABEL_KEYS if config.label is None else (config.label,)
    label = _first(one, keys)
    if label is None:
        raise BrokenSample(
            f"box {_first(one, BOX_KEYS)} has no class under {', '.join(keys)}; "
            "say its key as data.boxes.label=KEY"
        )
    box = _first(one, BOX_KEYS)
    try:
        name = class_name(label)
    except BrokenSample as error:
        raise BrokenSample(f"box {box}: {error}") from error
    try:
        corners = corners_of(box, config)
    except BrokenSample as error:
        raise BrokenSample(f"{name}: {error}") from error
    return Found(corners, name, bool(_first(one, CROWD_KEYS) or False))


def _first(one: dict[str, Any], keys: Sequence[str]) -> Any:
    return next((one[key] for key in keys if one.get(key) is not None), None)
