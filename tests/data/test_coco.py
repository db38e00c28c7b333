"""COCO JSON: boxes ready for targets, and every faulty one named."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorium.data import open_source
from sensorium.data.coco import CocoTable
from sensorium.errors import DataError

BCCD = Path(__file__).parents[2] / "../shared/data/bccd"
CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]


def coco(path: Path, annotations: list[dict[str, Any]], **more: Any) -> Path:
    images = [
        {"id": 5, "file_name": "a.jpg", "width": 100, "height": 50},
        {"id": 9, "file_name": "b.jpg", "width": 100, "height": 50},
    ]
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES, **more}
    path.write_text(json.dumps(content))
    return path


def box(id: int, box: Any, image: int = 5, category: int = 3, **more: Any) -> dict[str, Any]:
    return {"id": id, "image_id": image, "category_id": category, "bbox": box, **more}


def boxes_of(table: CocoTable, row: int) -> list[Any]:
    return [one["box"] for one in table.cells(row)["objects"]]


def test_rows_are_pictures(tmp_path: Path) -> None:
    boxes = [box(1, [1, 2, 3, 4]), box(2, [0, 0, 100, 50], category=7, iscrowd=1)]
    table = CocoTable(coco(tmp_path / "train.json", boxes))
    assert table.columns == ["file_name", "width", "height", "objects", "labels"]
    assert table.classes == {"objects": ["cat", "dog"], "labels": ["cat", "dog"]}
    assert table.cells(0) == {
        "file_name": "a.jpg",
        "width": 100,
        "height": 50,
        "objects": [
            {"box": [1, 2, 3, 4], "label": "dog", "crowd": False},
            {"box": [0, 0, 100, 50], "label": "cat", "crowd": True},
        ],
        "labels": [1, 0],
    }
    assert table.cells(1)["objects"] == []  # a picture with nothing on it is a sample, too
    assert table.id(1) == "train.json:b.jpg"
    assert table.flaws == []
    source = open_source(tmp_path / "train.json", {"image": "file_name", "text": []})
    assert source.classes == table.classes


@pytest.mark.parametrize(
    ("annotation", "reason", "kept"),
    [
        (box(4, [10, 10, 0, 5]), "annotation 4 (dog): box [10, 10, 0, 5] has no area", []),
        (box(4, [10, 10, 5, -1]), "annotation 4 (dog): box [10, 10, 5, -1] has no area", []),
        (box(4, [100, 0, 5, 5]), "box [100, 0, 5, 5] lies outside of its picture of 100 x 50", []),
        (box(4, [1, 2, 3]), "box [1, 2, 3] is not four numbers [x, y, width, height]", []),
        (box(4, [1, 2, float("nan"), 3]), "is not four numbers", []),
        (box(4, [1, 2, 3, 4], category=8), "annotation 4: no category has id 8", []),
        (box(4, [1, 2, 3, 4], image=8), "annotation 4: no picture has id 8", []),
        (
            box(4, [90, 0, 20, 5]),
            "reaches out of its picture of 100 x 50 by 10 pix",
            [90, 0, 10, 5],
        ),
    ],
)
def test_faulty_boxes_are_named(
    tmp_path: Path, annotation: dict[str, Any], reason: str, kept: list[float]
) -> None:
    table = CocoTable(coco(tmp_path / "a.json", [box(1, [1, 1, 2, 2]), annotation]))
    (flaw,) = table.flaws
    assert reason in flaw.reason
    assert flaw.id == ("a.json" if annotation["image_id"] == 8 else "a.json:a.jpg")
    assert boxes_of(table, 0) == [[1, 1, 2, 2], *([kept] if kept else [])]


def test_a_box_is_cut_at_the_edge_without_a_word_where_it_is_rounding(tmp_path: Path) -> None:
    table = CocoTable(coco(tmp_path / "a.json", [box(1, [-0.5, 0, 10.5, 50.25])]))
    assert table.flaws == []
    assert boxes_of(table, 0) == [[0, 0, 10, 50]]


def test_captions_and_a_folder_of_its_own(tmp_path: Path) -> None:
    said = [{"id": n, "image_id": 5, "caption": f"caption {n}"} for n in range(2)]
    source = open_source(coco(tmp_path / "captions.json", said), folder=tmp_path / "pictures")
    assert source.fields == {"image": ["file_name"], "text": ["captions"]}
    assert source.row(0).values["captions"] == ["caption 0", "caption 1"]
    assert source.row(0).folder == tmp_path / "pictures"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"images": [{"id": 5, "file_name": name} for name in "ab"]},
            "images 0 and 1 have the same id 5; give each its own",
        ),
        ({"annotations": {"1": 2}}, "expected annotations to be a list, got dict"),
        (
            {"categories": [{"id": [3], "name": "dog"}]},
            r"expected the id of categories 0 to be a number, got \[3\]",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        CocoTable(coco(tmp_path / "a.json", **{"annotations": [], **more}))


def test_odd_ids_and_sizes_are_flaws_and_no_crash(tmp_path: Path) -> None:
    boxes = [box(1, [1, 1, 2, 2]), box(2, [1, 1, 2, 2], category=[3]), box(3, [1, 1, 2, 2], [5])]  # type: ignore[arg-type]
    images = [{"id": 5, "file_name": "a.jpg", "width": "100", "height": None}]
    categories = [{"id": 3, "name": "dog"}, {"id": 4, "name": "dog"}]
    table = CocoTable(coco(tmp_path / "a.json", boxes, images=images, categories=categories))
    assert table.classes["labels"] == ["dog"]  # two categories of one name are one class
    assert [flaw.reason for flaw in table.flaws] == [
        "annotation 3: no picture has id [5]",
        "annotation 2: no category has id [3]",
    ]
    assert boxes_of(table, 0) == [[1, 1, 2, 2]]


def test_what_is_not_coco(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{")
    with pytest.raises(DataError, match=r"a\.json is not JSON"):
        CocoTable(path)
    path.write_text("[1]")
    with pytest.raises(DataError, match=r"expected COCO, .*; write rows as a \.jsonl"):
        CocoTable(path)
    path.write_text('{"images": [{"id": 1}]}')
    with pytest.raises(DataError, match="expected each of images to have file_name and id; 0 has"):
        CocoTable(path)


@pytest.mark.skipif(not BCCD.is_dir(), reason="the BCCD set is not on this machine")
@pytest.mark.parametrize(
    ("split", "pictures", "flaw"),
    [
        ("train", 205, "annotation 2288 (RBC): box [181, 329, 0, 0] has no area"),
        ("val", 87, "annotation 887 (RBC): box [504, 337, 0, 0] has no area"),
        ("test", 72, None),
    ],
)
def test_the_zero_size_boxes_of_bccd_are_found(split: str, pictures: int, flaw: str | None) -> None:
    source = open_source(BCCD / f"{split}.json", {"image": "file_name", "text": []})
    assert len(source) == pictures
    assert source.classes["labels"] == ["RBC", "WBC", "Platelets"]
    assert [one.reason for one in source.flaws] == ([flaw] if flaw else [])
    assert any("1 box is faulty" in note for note in source.notes) == bool(flaw)
