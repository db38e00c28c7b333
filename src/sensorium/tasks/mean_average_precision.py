"""How good found boxes are: mean average precision and recall, as COCO counts them.

Source: Lin et al. 2014, "Microsoft COCO"; counted by faster-coco-eval, which gives the figures of
pycocotools.

Shapes: P pictures, N boxes found in all of them, M boxes that are there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from jaxtyping import Float, Int
from torch import Tensor

ALL_SIZES, MOST_FOUND = 0, -1
"""Places in the tables of COCO: boxes of every area, and as many found as are looked at."""


def coco_figures(
    found: Float[Tensor, "N 6"],
    found_in: Int[Tensor, " N"],
    truth: Float[Tensor, "M 6"],
    truth_in: Int[Tensor, " M"],
    pictures: int,
    classes: Sequence[str],
) -> dict[str, float]:
    """The mean over ten IoUs from 0.5 to 0.95 (`map`), those at 0.5 and 0.75, and of each class;
    `recall` is how many of the boxes are found, over the same IoUs, by the hundred best of a
    picture.

    Args:
        found: left, top, right, bottom, class, score.
        found_in: the number of the picture of each.
        truth: left, top, right, bottom, class, and 1 for a crowd, which is not counted.
        truth_in: the number of the picture of each.
    """
    judged = COCOeval_faster(
        _truth(truth, truth_in, pictures, classes), iouType="bbox", print_function=lambda _: None
    )
    assert judged.cocoGt is not None, "just given"
    rows = np.column_stack(
        [found_in.numpy(), _as_coco(found[:, :4]), found[:, 5].numpy(), found[:, 4].numpy() + 1]
    )
    judged.cocoDt = judged.cocoGt.loadRes(rows.astype(np.float64)) if len(rows) else COCO()
    if not len(rows):
        return _nothing_found(truth, classes)
    judged.evaluate()
    judged.accumulate()
    # precision: [IoUs, recalls, classes, areas, most found]; -1 where there is nothing to find
    precision = judged.eval["precision"][:, :, :, ALL_SIZES, MOST_FOUND]
    recall = judged.eval["recall"][:, :, ALL_SIZES, MOST_FOUND]
    figures = {
        "map": _mean(precision),
        "map_50": _mean(precision[0]),
        "map_75": _mean(precision[5]),
        "recall": _mean(recall),
    }
    for number, name in enumerate(classes):
        if (precision[:, :, number] > -1).any():
            figures[f"map_of_{name}"] = _mean(precision[:, :, number])
            figures[f"map_50_of_{name}"] = _mean(precision[0, :, number])
    return figures


def _truth(truth: Tensor, truth_in: Tensor, pictures: int, classes: Sequence[str]) -> COCO:
    boxes = _as_coco(truth[:, :4])
    return COCO(
        {
            "info": {},
            "images": [{"id": number, "width": 0, "height": 0} for number in range(pictures)],
            "categories": [{"id": n, "name": name} for n, name in enumerate(classes, start=1)],
            "annotations": [
                {
                    "id": number,
                    "image_id": int(picture),
                    "category_id": int(label) + 1,
                    "bbox": box.tolist(),
                    "area": float(box[2] * box[3]),
                    "iscrowd": int(crowd),
                }
                for number, (picture, box, label, crowd) in enumerate(
                    zip(truth_in, boxes, truth[:, 4], truth[:, 5], strict=True), start=1
                )
            ],
        }
    )


def _nothing_found(truth: Tensor, classes: Sequence[str]) -> dict[str, float]:
    figures = dict.fromkeys(("map", "map_50", "map_75", "recall"), 0.0)
    for number, name in enumerate(classes):
        if ((truth[:, 4] == number) & (truth[:, 5] == 0)).any():
            figures |= {f"map_of_{name}": 0.0, f"map_50_of_{name}": 0.0}
    return figures


def _as_coco(corners: Tensor) -> np.ndarray:
    """[N, 4] as left, top, width, height."""
    values = corners.double().numpy()
    return np.concatenate([values[:, :2], values[:, 2:] - values[:, :2]], axis=1)


def _mean(table: np.ndarray) -> float:
    there = table[table > -1]
    return float(there.mean()) if there.size else float("nan")
