"""Build the sums of digits: a handwritten digit and a spoken one, and what they add up to.

    pip install scikit-learn
    python benchmarks/datasets/digit_sum.py OUT_DIR --fsdd OUT_DIR/fsdd

The sum has 19 values. Both digits are drawn evenly and apart from each other, so whoever knows only
one of them can be right once in ten times at best. The pictures are scikit-learn's (1,797 scans of
people's handwriting, 8x8 pixels), the sounds those of FSDD (3,000 recordings of six speakers). No
picture and no recording is in two splits: of the pictures of each digit 70 % by a seeded draw are
for training, 10 % for validation and 20 % for the test; of the recordings of each digit and speaker
the takes 0 to 4 are for the test, as in FSDD's official split, 5 to 9 for validation.

Every row follows from the seed, its split and its number alone.

Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits" (CC BY 4.0), by
`sklearn.datasets.load_digits`; Free Spoken Digit Dataset (CC BY-SA 4.0).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

ROWS = {"train": 20_000, "validation": 1_000, "test": 2_000}
DIGITS = range(10)
INK = 16  # the darkest value of a scan; paper is 0

Pool = list[list[str]]
"""Digit -> the names of the files that show or say it."""


def build(
    folder: Path, fsdd: Path, rows: dict[str, int] = ROWS, seed: int = 0
) -> dict[str, dict[str, int]]:
    """Write pictures, sounds and a JSONL file for each split; count what each split has."""
    pictures = write_pictures(folder, seed)
    sounds = copy_sounds(folder, fsdd)
    counts = {}
    for split, count in rows.items():
        lines = [
            json.dumps(draw_row(Random(f"{seed}:{split}:{number}"), pictures[split], sounds[split]))
            for number in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts[split] = {
            "rows": count,
            "pictures": sum(map(len, pictures[split])),
            "sounds": sum(map(len, sounds[split])),
        }
    return counts


def draw_row(draw: Random, pictures: Pool, sounds: Pool) -> dict[str, Any]:
    """A picture of one digit beside the sound of another, and their sum."""
    written, spoken = draw.choice(DIGITS), draw.choice(DIGITS)
    return {
        "image": draw.choice(pictures[written]),
        "audio": draw.choice(sounds[spoken]),
        "sum": str(written + spoken),
        "written": written,
        "spoken": spoken,
    }


def write_pictures(folder: Path, seed: int) -> dict[str, Pool]:
    """Write every scan as a PNG; split -> its pictures by digit."""
    digits = load_digits()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    pools: dict[str, Pool] = {split: [[] for _ in DIGITS] for split in ROWS}
    for digit in DIGITS:
        numbers = np.flatnonzero(digits.target == digit).tolist()
        Random(f"{seed}:pictures:{digit}").shuffle(numbers)
        for place, number in enumerate(numbers):
            name = f"images/{digit}-{number:04}.png"
            scan = np.round(digits.images[number] / INK * 255).astype(np.uint8)
            Image.fromarray(scan).save(folder / name)
            share = place / len(numbers)
            split = "test" if share < 0.2 else "validation" if share < 0.3 else "train"
            pools[split][digit].append(name)
    return pools


def copy_sounds(folder: Path, fsdd: Path) -> dict[str, Pool]:
    """Copy every recording; split -> its recordings by digit."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    pools: dict[str, Pool] = {split: [[] for _ in DIGITS] for split in ROWS}
    for manifest in ("train.jsonl", "test.jsonl"):
        for line in (fsdd / manifest).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            name = f"audio/{Path(row['file_name']).name}"
            shutil.copyfile(fsdd / row["file_name"], folder / name)
            take = row["index"]
            split = "test" if take < 5 else "validation" if take < 10 else "train"
            pools[split][row["label"]].append(name)
    return {split: [sorted(names) for names in pool] for split, pool in pools.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="data root; the set goes to OUT_DIR/digit-sum")
    parser.add_argument("--fsdd", type=Path, required=True, help="the folder that fsdd.py wrote")
    parser.add_argument("--seed", type=int, default=0, help="another set for each")
    arguments = parser.parse_args()
    folder = arguments.out_dir / "digit-sum"
    try:
        counts = build(folder, arguments.fsdd, seed=arguments.seed)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"digit_sum.py: {arguments.fsdd}: {error}")
    for split, of_split in counts.items():
        print(f"{split}: {', '.join(f'{count:,} {what}' for what, count in of_split.items())}")
    print(f"in {folder}; use it with SENSORIUM_DATA={arguments.out_dir}")


if __name__ == "__main__":
    main()
