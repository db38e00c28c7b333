"""Build the groups of emoji: for drawings of the set `emoji`, what kind of thing they show.

    python benchmarks/datasets/emoji_groups.py OUT_DIR --emoji OUT_DIR/emoji

The eight groups are those of Unicode's emoji-test.txt, which nothing in the set `emoji` tells. A
drawing that is there in several skin tones, hair or genders would be on both sides of a split, so:

1. "People & Body" is left out as a whole, and "Component" (the tones and hair themselves).
2. Of the other groups, what is no emoji of its own, but a variant of one, is left out.
3. The test rows are those of the emoji test split whose first character no training row has.
4. Of the training rows the MD5 of the code points, modulo 5, sends a fifth to validation.

So no test drawing, and no variant of one, was ever seen by a run of the recipe `emoji`.

Source: Unicode emoji data 15.0 (Unicode License); the drawings are those of `emoji.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

UNICODE = Path("/usr/share/unicode/emoji/emoji-test.txt")
INSTALL = "install it (apt-get install unicode-data), or name your own copy with --unicode PATH"
LEFT_OUT = {"People & Body", "Component"}
EXPECTED_ROWS = {"train": 1066, "validation": 252, "test": 139}
VARIATION_SELECTOR = "\ufe0f"  # how to draw it; an emoji with and without is the same
REGIONAL = range(0x1F1E6, 0x1F200)  # two of these are a flag

Row = dict[str, str]


def read_groups(path: Path) -> dict[str, str]:
    """Emoji, without variation selectors -> its group."""
    groups, group = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.partition(":")[2].strip()
        elif line and not line.startswith("#"):
            code_points = line.partition(";")[0].split()
            groups[plain("".join(chr(int(one, 16)) for one in code_points))] = group
    return groups


def plain(emoji: str) -> str:
    return emoji.replace(VARIATION_SELECTOR, "")


def base(emoji: str) -> str:
    """What its variants share: the first character; of a flag of two letters both."""
    own = plain(emoji)
    return own if ord(own[0]) in REGIONAL else own[0]


def splits_of(
    train: list[Row], test: list[Row], groups: dict[str, str]
) -> dict[str, list[tuple[str, Row]]]:
    """Split -> its rows, each with its group."""
    seen = {base(row["emoji"]) for row in train}
    found: dict[str, list[tuple[str, Row]]] = {split: [] for split in EXPECTED_ROWS}
    for row in train:
        group, lone = groups[plain(row["emoji"])], len(plain(row["emoji"])) == 1
        if group not in LEFT_OUT and (lone or group == "Flags"):
            digest = hashlib.md5(row["emoji"].encode()).hexdigest()
            found["train" if int(digest, 16) % 5 else "validation"].append((group, row))
    for row in test:
        group = groups[plain(row["emoji"])]
        if group not in LEFT_OUT and base(row["emoji"]) not in seen:
            found["test"].append((group, row))
    return found


def build(out: Path, emoji: Path, groups: dict[str, str]) -> dict[str, int]:
    """Write the manifests; how many rows each has."""
    out.mkdir(parents=True, exist_ok=True)
    train, test = (
        [json.loads(line) for line in (emoji / f"{split}.jsonl").read_text("utf-8").splitlines()]
        for split in ("train", "test")
    )
    counts = {}
    for split, rows in splits_of(train, test, groups).items():
        with (out / f"{split}.jsonl").open("w", encoding="utf-8", newline="\n") as manifest:
            for group, row in rows:
                file = Path(os.path.relpath(emoji / row["file_name"], out)).as_posix()
                told = json.dumps(row | {"file_name": file, "group": group}, ensure_ascii=False)
                manifest.write(told + "\n")
        counts[split] = len(rows)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="gets the folder emoji-groups")
    parser.add_argument("--emoji", type=Path, required=True, help="the folder of the set emoji")
    parser.add_argument("--unicode", type=Path, default=UNICODE, help="emoji-test.txt")
    arguments = parser.parse_args()
    if not arguments.unicode.is_file():
        sys.exit(f"no {arguments.unicode}: {INSTALL}")
    groups = read_groups(arguments.unicode)
    counts = build(arguments.out / "emoji-groups", arguments.emoji, groups)
    print(", ".join(f"{split} {count:,}" for split, count in counts.items()))
    if counts != EXPECTED_ROWS:
        print(f"expected {EXPECTED_ROWS}: another release of Unicode or of the drawings?")


if __name__ == "__main__":
    main()
