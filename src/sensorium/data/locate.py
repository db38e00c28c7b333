"""Where a data path of a recipe lies: on this machine, at a URL, in one file or in many."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from glob import glob, has_magic
from pathlib import Path

from sensorium.data.files import Location, Remote, location
from sensorium.data.hub import is_hub
from sensorium.data.settings import DataConfig
from sensorium.errors import DataError

ROOT_VARIABLE = "SENSORIUM_DATA"
SHARED_ROOT = Path("../shared/data")
BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")
"""`{000..012}`, with the zeros that are written, or `{train,extra}`."""

PUBLIC_SETS = {
    "emoji": "3,605 emoji drawings with their names in English and Chinese",
    "fsdd": "the Free Spoken Digit Dataset: 3,000 spoken digits",
    "bccd": "BCCD: 364 blood-cell photographs with boxes",
    "cifar10": "CIFAR-10: 60,000 photographs of 32x32 pixels in 10 classes",
}
"""First component of a path -> what the set is; `benchmarks/datasets/NAME.py` builds it."""


def resolve(config: DataConfig, path: str) -> Location:
    """Find the one file or folder `path`.

    An absolute path or a URL stays. With `config.root` it lies there, nowhere else. Otherwise it
    is looked for, in this order, in the current directory, in the folder that the environment
    variable SENSORIUM_DATA names, and in `../shared/data`.

    Returns:
        A URL or an absolute path.

    Raises:
        DataError: it is in none of these; the message names them all.
    """
    places = _places(config.root, path)
    for place in places:
        if place.exists():
            return Path(os.path.abspath(place)) if isinstance(place, Path) else place
    looked = ", ".join(str(place) for place in places)
    raise DataError(f"no data at {path!r}; looked for {looked}. {_advice(path)}")


def find(config: DataConfig, path: str) -> list[Location]:
    """Find `path`, or all files that it is a pattern of: `train-{000..012}.tar`, `part-*.parquet`.

    Returns:
        At least one; those of a glob are sorted.

    Raises:
        DataError: nothing is there, or one of the files that braces name is not.
    """
    found: list[Location] = []
    for one in unbraced(path):
        matching = next(filter(None, map(_matching, _places(config.root, one))), None)
        found += [resolve(config, one)] if matching is None else matching
    return found


def is_several(path: str) -> bool:
    """Whether the path is a pattern of files, or names a set of the Hub, and so is no one file."""
    return is_hub(path) or bool(BRACES.search(path)) or has_magic(path)


def unbraced(pattern: str) -> Iterator[str]:
    """The names that a pattern with braces stands for, in its order."""
    braces = BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    first, last, names = braces.groups()
    if names is None:
        width = len(first) if first.startswith("0") else 0
        choices = [str(n).zfill(width) for n in range(int(first), int(last) + 1)]
    else:
        choices = names.split(",")
    for choice in choices:
        yield from unbraced(pattern[: braces.start()] + choice + pattern[braces.end() :])


def _matching(place: Location) -> list[Location]:
    """The files that a glob matches, sorted; none where it is no glob."""
    if isinstance(place, Remote):
        return [*place.glob()] if has_magic(place.url) and not place.exists() else []
    if not has_magic(str(place)) or place.exists():
        return []
    return [Path(os.path.abspath(found)) for found in sorted(glob(str(place), recursive=True))]


def _places(root: str | None, path: str) -> list[Location]:
    place = location(path)
    if isinstance(place, Remote) or place.is_absolute():
        return [place]
    if root is not None:
        return [location(root) / path]
    variable = os.environ.get(ROOT_VARIABLE)
    shared = [SHARED_ROOT] if SHARED_ROOT.is_dir() else []
    return [place, *(location(str(f)) / path for f in ([variable] if variable else []) + shared)]


def _advice(path: str) -> str:
    name = Path(path).parts[0] if Path(path).parts else ""
    if name not in PUBLIC_SETS:
        return f"Correct the path, or give its folder as data.root=DIR or {ROOT_VARIABLE}=DIR"
    return (
        f"{name!r} is a public set ({PUBLIC_SETS[name]}): build it with "
        f"`python benchmarks/datasets/{name}.py DIR`, "
        f"then give data.root=DIR or {ROOT_VARIABLE}=DIR"
    )
