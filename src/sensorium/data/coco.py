"""COCO JSON, of detection or of captions: one row for each picture.

Its columns: `file_name`, `width`, `height`; with boxes `objects`, each with its `box` [x, y, width,
height] in pixels of the picture from its top left corner, its `label` in words and whether it is a
`crowd`, and `labels`, the same classes as numbers from 0; with captions `captions`. The order of
the classes is that of the file. Boxes that cannot be learnt from are named in `flaws`, and left out
of `objects`; those that reach out of the picture are named, too, and cut at its edge.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Container, Sequence
from typing import Any

from sensorium.data.box_cells import PIXELS_OUTSIDE, is_box
from sensorium.data.files import Location, Part
from sensorium.data.quarantine import Broken, BrokenSample
from sensorium.data.tables import Cells, file_fingerprint
from sensorium.errors import DataError

Box = list[float]


class CocoTable:
    """A COCO file.

    Raises:
        DataError: it is not JSON, or not COCO.
    """

    def __init__(self, file: Location) -> None:
        self.file = file
        self.name = file.name
        self.folder = file.parent
        self.broken: list[Broken] = []
        self.flaws: list[Broken] = []
        content = _read(file)
        self._names = {one["id"]: str(one["name"]) for one in content["categories"]}
        names = list(dict.fromkeys(self._names.values()))  # categories of one name are one class
        self._number = {id: names.index(name) for id, name in self._names.items()}
        self._pictures: list[dict[str, Any]] = content["images"]
        self._annotations = self._by_picture(content["annotations"])
        of_all = [one for found in self._annotations.values() for one in found]
        self.has_boxes = any("bbox" in one for one in of_all)
        self.has_captions = any("caption" in one for one in of_all)
        self.classes = {"objects": names, "labels": names} if self.has_boxes else {}
        self.columns = ["file_name", "width", "height"]
        self.columns += ["objects", "labels"] * self.has_boxes
        self.columns += ["captions"] * self.has_captions
        for row in range(len(self)):
            self._make(row, self.flaws)

    def __len__(self) -> int:
        return len(self._pictures)

    def id(self, row: int) -> str:
        return f"{self.name}:{self._pictures[row]['file_name']}"

    def cells(self, row: int) -> Cells:
        return self._make(row, [])

    def fingerprint(self) -> str:
        return file_fingerprint(self.file)

    def _by_picture(self, annotations: list[dict[str, Any]]) -> dict[Any, list[dict[str, Any]]]:
        found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        there = {picture["id"] for picture in self._pictures}
        for one in annotations:
            if _is_one_of(one["image_id"], there):
                found[one["image_id"]].append(one)
            else:
                reason = f"annotation {one.get('id')}: no picture has id {one['image_id']!r}"
                self.flaws.append(Broken(self.name, reason))
        return found

    def _make(self, row: int, flaws: list[Broken]) -> Cells:
        """The row; what is wrong in it is added to `flaws`."""
        picture = self._pictures[row]
        cells: Cells = {name: picture.get(name) for name in ("file_name", "width", "height")}
        annotations = self._annotations.get(picture["id"], [])
        if self.has_boxes:
            cells |= {"objects": [], "labels": []}
            for one in annotations:
                if "bbox" not in one:
                    continue
                box, flaw = self._box(one, picture)
                if flaw is not None:
                    flaws.append(Broken(self.id(row), f"annotation {one.get('id')}{flaw}"))
                if box is not None:
                    id, crowd = one["category_id"], bool(one.get("iscrowd", 0))
                    named = {"box": box, "label": self._names[id], "crowd": crowd}
                    cells["objects"].append(named)
                    cells["labels"].append(self._number[id])
        if self.has_captions:
            cells["captions"] = [one["caption"] for one in annotations if "caption" in one]
        return cells

    def _box(
        self, annotation: dict[str, Any], picture: dict[str, Any]
    ) -> tuple[Box | None, str | None]:
        """The box as it is to be used, None where it is not; and what is wrong with it."""
        box, category = annotation["bbox"], annotation.get("category_id")
        if not _is_one_of(category, self._number):
            return None, f": no category has id {category!r}"
        named = f" ({self._names[category]}): box {box}"
        if not is_box(box):
            return None, f"{named} is not four numbers [x, y, width, height]"
        x, y, width, height = map(float, box)
        if width <= 0 or height <= 0:
            return None, f"{named} has no area"
        wide, high = (_side(picture.get(name)) for name in ("width", "height"))
        left, top = max(x, 0.0), max(y, 0.0)
        right, bottom = min(x + width, wide), min(y + height, high)
        if left >= right or top >= bottom:
            return None, f"{named} lies outside of its picture of {wide} x {high}"
        over = max(left - x, top - y, x + width - right, y + height - bottom)
        if over == 0:
            return [x, y, width, height], None
        cut = [left, top, right - left, bottom - top]
        if over <= PIXELS_OUTSIDE:
            return cut, None
        return cut, f"{named} reaches out of its picture of {wide} x {high} by {over:g} pixels"


def _read(file: Location) -> dict[str, Any]:
    try:
        content = json.loads(Part(file).read())
    except (BrokenSample, ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON: {error}") from error
    pictures = content.get("images") if isinstance(content, dict) else None
    if not isinstance(pictures, list):
        raise DataError(
            f"{file}: expected COCO, an object with the lists images, annotations and categories; "
            "write rows as a .jsonl, one object in each line"
        )
    for key, needed in NEEDED.items():
        content[key] = _checked(file, key, content.get(key) or [], needed)
    return content


NEEDED = {
    "images": ("id", "file_name"),
    "annotations": ("image_id",),
    "categories": ("id", "name"),
}
"""List of a COCO file -> what everything in it has to have."""


def _checked(file: Location, key: str, listed: Any, needed: Sequence[str]) -> list[dict[str, Any]]:
    """Raises `DataError` unless it is a list of objects with what is needed, and ids differ."""
    if not isinstance(listed, list):
        raise DataError(f"{file}: expected {key} to be a list, got {type(listed).__name__}")
    seen: dict[Any, int] = {}
    for number, one in enumerate(listed):
        if not isinstance(one, dict) or not set(needed) <= set(one):
            wanted = " and ".join(sorted(needed))
            raise DataError(f"{file}: expected each of {key} to have {wanted}; {number} has not")
        if needed[0] != "id":
            continue
        id = one["id"]
        if not isinstance(id, int | str):
            raise DataError(f"{file}: expected the id of {key} {number} to be a number, got {id!r}")
        if id in seen:
            raise DataError(
                f"{file}: {key} {seen[id]} and {number} have the same id {id!r}; give each its own"
            )
        seen[id] = number
    return listed


def _is_one_of(id: Any, known: Container[Any]) -> bool:
    return isinstance(id, int | float | str) and id in known


def _side(said: Any) -> float:
    """Of a picture, in pixels; infinite where the file does not say it."""
    return said if isinstance(said, int | float) and said > 0 else math.inf
