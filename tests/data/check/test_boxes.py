"""Faulty boxes of COCO files are named; classes of boxes and of numbers are counted by name."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

SHARED = Path(__file__).parents[4] / "shared" / "data"


def test_faulty_boxes_are_named(tmp_path: Path, check) -> None:
    draw = np.random.default_rng(0)
    for number in range(2):
        pixels = draw.integers(0, 256, (40, 60, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    images = [{"id": n, "file_name": f"{n}.png", "width": 60, "height": 40} for n in range(2)]
    boxes = [(0, [1, 2, 30, 20]), (0, [5, 5, 0, 7]), (1, [50, 30, 30, 5]), (1, [70, 2, 9, 9])]
    annotations = [
        {"id": number, "image_id": image, "category_id": 1 + number % 2, "bbox": box}
        for number, (image, box) in enumerate([*boxes, *[(1, [3, 4, 5, 6])] * 8, (9, [0, 0, 1, 1])])
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "train.json").write_text(json.dumps(coco))
    report = check(tmp_path / "train.json")
    found = [(s.id, s.row, s.suspicion.kind) for s in report.sets[0].suspicious]
    assert sorted(found, key=str) == [
        ("train.json", None, "box without a picture"),
        ("train.json:0.png", 0, "zero-area box"),
        ("train.json:1.png", 1, "box outside"),
        ("train.json:1.png", 1, "box outside"),
    ]
    assert report.sets[0].labels == {"labels": {"cat": 6, "dog": 4}}
    assert not report.broken


def test_boxes_of_rows_are_looked_at_without_a_recipe(tmp_path: Path, check) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    boxes = [[1, 2, 30, 20], [5, 5, 0, 7], [50, 30, 30, 5], [70, 2, 9, 9], [1, 2, "3", 4]]
    things = [{"box": box, "label": "cat"} for box in boxes]
    row = {"image": "a.png", "things": things}
    (tmp_path / "train.jsonl").write_text(json.dumps(row))
    (one,) = check(tmp_path / "train.jsonl").sets
    found = [(s.id, s.column, s.suspicion.kind) for s in one.suspicious]
    kinds = ["zero-area box", "faulty box", "box outside", "box outside"]
    assert found == [("train.jsonl:1", "things", kind) for kind in kinds]
    assert "reaches out of its picture of 60 x 40 by 20" in one.suspicious[2].suspicion.detail
    assert not one.broken


def test_numbers_of_classes_are_told_by_name(tmp_path: Path, check) -> None:
    table = pa.table({"text": [f"text {n}" for n in range(9)], "label": [0, 1, 1] * 3})
    feature = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    information = {"info": {"features": {"text": {"dtype": "string", "_type": "Value"}} | feature}}
    table = table.replace_schema_metadata({"huggingface": json.dumps(information)})
    pq.write_table(table, tmp_path / "train.parquet")
    assert check(tmp_path / "train.parquet").sets[0].labels == {"label": {"dog": 6, "cat": 3}}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(
    ("name", "picture"), [("train", "BloodImage_00343.jpg"), ("val", "BloodImage_00338.jpg")]
)
def test_the_zero_area_boxes_of_real_data(check, name: str, picture: str) -> None:
    (one,) = check(SHARED / "bccd" / f"{name}.json").sets
    (suspect,) = one.suspicious
    assert suspect.id == f"{name}.json:images/{picture}"
    assert suspect.suspicion.kind == "zero-area box"
    assert not one.broken
