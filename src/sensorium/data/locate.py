"""Where a data path of a recipe lies on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from sensorium.data.settings import DataConfig
from sensorium.errors import DataError

ROOT_VARIABLE = "SENSORIUM_DATA"
SHARED_ROOT = Path("../shared/data")

PUBLIC_SETS = {
    "emoji": "3,605 emoji drawings with their names in English and Chinese",
    "fsdd": "the Free Spoken Digit Dataset: 3,000 spoken digits",
    "bccd": "BCCD: 364 blood-cell photographs with boxes",
    "cifar10": "CIFAR-10: 60,000 photographs of 32x32 pixels in 10 classes",
}
"""First component of a path -> what the set is; `benchmarks/datasets/NAME.py` builds it."""


def resolve(config: DataConfig, path: str) -> Path:
    """Find `path`.

    An absolute path stays. With `config.root` it lies there, nowhere else. Otherwise it is looked
    for, in this order, in the current directory, in the folder that the environment variable
    SENSORIUM_DATA names, and in `../shared/data`.

    Returns:
        An absolute path.

    Raises:
        DataError: it is in none of these; the message names them all.
    """
    places = _places(config.root, Path(path).expanduser())
    for place in places:
        if place.exists():
            return Path(os.path.abspath(place))
    looked = ", ".join(str(place) for place in places)
    raise DataError(f"no data at {path!r}; looked for {looked}. {_advice(path)}")


def _places(root: str | None, path: Path) -> list[Path]:
    if path.is_absolute():
        return [path]
    if root is not None:
        return [Path(root).expanduser() / path]
    variable = os.environ.get(ROOT_VARIABLE)
    shared = [SHARED_ROOT] if SHARED_ROOT.is_dir() else []
    return [path, *(Path(folder) / path for folder in ([variable] if variable else []) + shared)]


def _advice(path: str) -> str:
    name = Path(path).parts[0] if Path(path).parts else ""
    if name not in PUBLIC_SETS:
        return f"Correct the path, or give its folder as data.root=DIR or {ROOT_VARIABLE}=DIR"
    return (
        f"{name!r} is a public set ({PUBLIC_SETS[name]}): build it with "
        f"`python benchmarks/datasets/{name}.py DIR`, "
        f"then give data.root=DIR or {ROOT_VARIABLE}=DIR"
    )
