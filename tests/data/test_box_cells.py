"""Cells with boxes: every form that is read, and every fault named."""

from typing import Any

import pytest

from sensorium.data.box_cells import BoxesConfig, boxes_in, corners_of, outside
from sensorium.data.quarantine import BrokenSample

XYWH, XYXY = BoxesConfig(), BoxesConfig(form="xyxy")
CAT = ((1.0, 2.0, 4.0, 6.0), "cat", False)


@pytest.mark.parametrize(
    "cell",
    [
        {"box": [1, 2, 3, 4], "label": "cat"},
        {"bbox": [1, 2, 3, 4], "category": "cat", "iscrowd": 0},
        {"bbox": [[1, 2, 3, 4]], "category": ["cat"], "id": [7]},
        {"box": [1, 2, 3, 4], "class": " cat "},
    ],
)
def test_every_form_of_objects(cell: dict[str, Any]) -> None:
    assert boxes_in([cell], XYWH) == ([CAT], [])


def test_several_of_them_and_none() -> None:
    cell = {"bbox": [[1, 2, 3, 4], [0, 0, 9, 9]], "label": ["cat", 3], "crowd": [0, 1]}
    assert boxes_in([cell], XYWH)[0] == [CAT, ((0, 0, 9, 9), "3", True)]
    assert boxes_in([{"bbox": [], "label": []}], XYWH) == ([], [])
    assert boxes_in([], XYWH) == ([], [])


def test_the_recipe_says_the_form_and_the_key_of_the_class() -> None:
    corners = {"box": [1, 2, 4, 6], "label": "cat"}
    assert boxes_in([corners], XYXY) == ([CAT], [])
    thing = {"box": [1, 2, 3, 4], "label": "thing", "shape": "cat"}
    assert boxes_in([thing], BoxesConfig(label="shape")) == ([CAT], [])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ({"box": [1, 2, 0, 4], "label": "cat"}, "cat: box [1, 2, 0, 4] has no area"),
        ({"box": [1, 2, 3, -4], "label": "cat"}, "cat: box [1, 2, 3, -4] has no area"),
        ({"box": [1, 2, 3], "label": "cat"}, "is not four numbers [x, y, width, height]"),
        ({"box": [1, 2, True, 3], "label": "cat"}, "is not four numbers"),
        ({"box": [1, 2, float("nan"), 3], "label": "cat"}, "is not four numbers"),
        ({"box": "1 2 3 4", "label": "cat"}, "box '1 2 3 4' is not four numbers"),
        ({"box": [1, 2, 3, 4]}, "has no class under label, category,"),
        ({"box": [1, 2, 3, 4], "label": 1.5}, "expected the name of a class"),
        ({"label": "cat"}, "expected objects with box or bbox"),
        (17, "expected objects with box or bbox, as {box: [x, y, width, height], label: cat}"),
    ],
)
def test_a_faulty_box_is_named_and_the_others_stay(cell: Any, reason: str) -> None:
    found, flaws = boxes_in([cell, {"box": [1, 2, 3, 4], "label": "cat"}], XYWH)
    assert found == [CAT]
    (flaw,) = flaws
    assert reason in flaw


def test_the_only_box_of_a_row() -> None:
    assert corners_of([1, 2, 3, 4], XYWH) == (1, 2, 4, 6)
    assert corners_of([1, 2, 3, 4], XYXY) == (1, 2, 3, 4)
    with pytest.raises(BrokenSample, match=r"box \[1, 2, 1, 4\] has no area"):
        corners_of([1, 2, 1, 4], XYXY)
    with pytest.raises(BrokenSample, match=r"four numbers \[left, top, right, bottom\]"):
        corners_of([1, 2], XYXY)


@pytest.mark.parametrize(
    ("corners", "reason"),
    [
        ((0, 0, 100, 50), None),
        ((-0.5, 0, 100.9, 50), None),
        ((100, 0, 110, 50), "lies outside of its picture of 100 x 50"),
        ((0, -9, 10, 0), "lies outside of its picture"),
        ((90, 0, 120, 50), "reaches out of its picture of 100 x 50 by 20 pixels"),
        ((-3, 0, 20, 50), "by 3 pixels"),
    ],
)
def test_where_a_box_lies(corners: tuple[float, ...], reason: str | None) -> None:
    said = outside(corners, height=50, width=100)  # type: ignore[arg-type]
    assert (said is None) == (reason is None)
    assert reason is None or reason in said  # type: ignore[operator]
