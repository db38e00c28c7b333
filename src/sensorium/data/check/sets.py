"""What is checked: one set, or the several that a folder holds."""

from __future__ import annotations

import re
from pathlib import Path

from sensorium.data.sources import FOLDER_MANIFESTS, MANIFESTS

SPLIT_WORDS = ("train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing")
"""Words in the name of a file or folder that tell it is one of several sets, in their order."""


def find_sets(path: Path) -> dict[str, Path]:
    """The sets at a path, by name: `train` and `test` where a folder holds both, else the path.

    A folder's manifests count, or else its subfolders; a folder with `metadata.jsonl` or
    `metadata.csv` is one set.
    """
    if path.is_dir() and not any((path / name).is_file() for name in FOLDER_MANIFESTS):
        inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
        manifests = _splits([one for one in inside if one.is_file() and one.suffix in MANIFESTS])
        folders = _splits([one for one in inside if one.is_dir()])
        if manifests:
            return manifests
        if len(folders) > 1:  # one alone may be a class: trains beside cars
            return folders
    return {path.stem if path.is_file() else path.resolve().name: path}


def _splits(paths: list[Path]) -> dict[str, Path]:
    named = [(_split_word(path.stem), path) for path in paths]
    ranked = sorted((SPLIT_WORDS.index(word), path) for word, path in named if word is not None)
    stems = [path.stem for _, path in ranked]
    return {path.stem if stems.count(path.stem) == 1 else path.name: path for _, path in ranked}


def _split_word(stem: str) -> str | None:
    return next((w for w in re.split(r"[\W_\d]+", stem.lower()) if w in SPLIT_WORDS), None)
