"""Build the spoken digits: 3,000 recordings of six speakers, 8 kHz WAV, with the word said.

    git clone https://github.com/Jakobovski/free-spoken-digit-dataset CLONE
    python benchmarks/datasets/fsdd.py OUT_DIR --source CLONE

A recording is named `{digit}_{speaker}_{take}.wav`. The official split holds takes 0-4 of every
digit and speaker out for the test.

Source: Free Spoken Digit Dataset (CC BY-SA 4.0).
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST_TAKES = 5
NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)")


def describe(recording: Path) -> dict[str, str | int]:
    """Read a recording's row from its name.

    Raises:
        ValueError: the name is not of the form `{digit}_{speaker}_{take}.wav`.
    """
    match = NAME.fullmatch(recording.stem)
    if match is None:
        raise ValueError(
            f"{recording} is not named {{digit}}_{{speaker}}_{{take}}.wav, as 7_jackson_32.wav"
        )
    digit = int(match["digit"])
    return {
        "file_name": f"audio/{recording.name}",
        "text": WORDS[digit],
        "label": digit,
        "speaker": match["speaker"],
        "index": int(match["take"]),
    }


def build(folder: Path, source: Path) -> dict[str, int]:
    """Copy the recordings, write one JSONL file per split, and count the rows of each."""
    recordings = sorted((source / "recordings").glob("*.wav"))
    if not recordings:
        raise FileNotFoundError(
            f"no WAV files in {source / 'recordings'}; --source is a clone of "
            "https://github.com/Jakobovski/free-spoken-digit-dataset"
        )
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for recording in recordings:
        row = describe(recording)
        shutil.copyfile(recording, folder / str(row["file_name"]))
        split = "test" if int(row["index"]) < TEST_TAKES else "train"
        rows[split].append(json.dumps(row) + "\n")
    for split, lines in rows.items():
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return {split: len(lines) for split, lines in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="data root; the set goes to OUT_DIR/fsdd")
    parser.add_argument(
        "--source",
        type=Path,
        required=True,
        metavar="CLONE",
        help="clone of https://github.com/Jakobovski/free-spoken-digit-dataset",
    )
    arguments = parser.parse_args()
    folder = arguments.out_dir / "fsdd"
    try:
        counts = build(folder, arguments.source)
    except (OSError, ValueError) as error:
        sys.exit(f"fsdd.py: {error}")
    print(
        f"wrote {counts['train']} train and {counts['test']} test recordings to {folder}; "
        f"use them with SENSORIUM_DATA={arguments.out_dir} or data.root={arguments.out_dir}"
    )


if __name__ == "__main__":
    main()
