"""Build the blood cells: 364 photographs with boxes of three classes, as COCO detection JSON.

    git clone https://github.com/Shenggan/BCCD_Dataset CLONE
    python benchmarks/datasets/bccd.py OUT_DIR --source CLONE

The boxes come from Pascal VOC files, where corners are pixel positions; a COCO box is
[x, y, width, height]. Two boxes have zero size at the source and are kept: real data does that.

Source: BCCD Dataset (MIT), official train, val and test lists.
"""

import argparse
import json
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

CLASSES = {"RBC": 1, "WBC": 2, "Platelets": 3}
SPLITS = ("train", "val", "test")


def read_number(element: ElementTree.Element, path: str) -> int:
    """Read a whole number somewhere below an element."""
    text = element.findtext(path)
    if text is None:
        raise ValueError(f"<{element.tag}> has no {path}")
    return int(text)


def read_boxes(annotation: ElementTree.Element) -> list[dict[str, Any]]:
    """Turn the objects of one Pascal VOC file into COCO annotations, ids aside."""
    boxes = []
    for item in annotation.iter("object"):
        left, top, right, bottom = (
            read_number(item, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
        )
        name = item.findtext("name")
        if name not in CLASSES:
            raise ValueError(f"class {name!r} is not one of {', '.join(CLASSES)}")
        width, height = right - left, bottom - top
        boxes.append(
            {
                "category_id": CLASSES[name],
                "bbox": [left, top, width, height],
                "area": width * height,
                "iscrowd": 0,
            }
        )
    return boxes


def read_split(source: Path, split: str) -> dict[str, Any]:
    """Read one official split as a COCO detection document.

    Raises:
        ValueError: an annotation file does not hold what Pascal VOC says it must.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name in (source / "ImageSets" / "Main" / f"{split}.txt").read_text().split():
        path = source / "Annotations" / f"{name}.xml"
        try:
            annotation = ElementTree.parse(path).getroot()
            image = {
                "id": len(images) + 1,
                "file_name": f"images/{name}.jpg",
                "width": read_number(annotation, "size/width"),
                "height": read_number(annotation, "size/height"),
            }
            boxes = read_boxes(annotation)
        except (ElementTree.ParseError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None
        images.append(image)
        for box in boxes:
            annotations.append({"id": len(annotations) + 1, "image_id": image["id"], **box})
    return {
        "info": {"description": "BCCD blood cell detection, MIT licence"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in CLASSES.items()],
    }


def build(folder: Path, clone: Path) -> dict[str, int]:
    """Copy the photographs, write one COCO file per split, and count the photographs of each."""
    source = clone / "BCCD"
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source} is not there; --source is a clone of "
            "https://github.com/Shenggan/BCCD_Dataset"
        )
    (folder / "images").mkdir(parents=True, exist_ok=True)
    counts = {}
    for split in SPLITS:
        document = read_split(source, split)
        for image in document["images"]:
            file_name = image["file_name"]
            shutil.copyfile(source / "JPEGImages" / Path(file_name).name, folder / file_name)
        (folder / f"{split}.json").write_text(json.dumps(document), encoding="utf-8")
        counts[split] = len(document["images"])
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="data root; the set goes to OUT_DIR/bccd")
    parser.add_argument(
        "--source",
        type=Path,
        required=True,
        metavar="CLONE",
        help="clone of https://github.com/Shenggan/BCCD_Dataset",
    )
    arguments = parser.parse_args()
    folder = arguments.out_dir / "bccd"
    try:
        counts = build(folder, arguments.source)
    except (OSError, ValueError) as error:
        sys.exit(f"bccd.py: {error}")
    print(
        f"wrote {counts['train']} train, {counts['val']} val and {counts['test']} test photographs "
        f"to {folder}; use them with SENSORIUM_DATA={arguments.out_dir} or "
        f"data.root={arguments.out_dir}"
    )


if __name__ == "__main__":
    main()
