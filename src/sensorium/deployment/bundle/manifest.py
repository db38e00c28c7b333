"""The files of a bundle, each with its size and its hash; nothing else in the folder is read.

A bundle may come from anybody, so that opening one checks everything before it is used: the paths
stay inside, no file is a link, each is what the manifest says, and no header is larger than its
file has any need for.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from sensorium.config import Config
from sensorium.errors import BundleError

MANIFEST = "manifest.json"
FORMAT = "sensorium-bundle"
VERSION = 1

LARGEST_MANIFEST = 1 << 20
LARGEST_JSON = 1 << 26
"""Bytes; a tokenizer of a million words has half as many."""
LARGEST_HEADER = 1 << 24
"""Bytes of the header of a safetensors file: about a hundred for each tensor."""
BYTES_AT_A_TIME = 1 << 20

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
"""Of a file: no way up, none from the root, no drive, no backslash, nothing hidden."""

Kind = Literal["bundle", "onnx", "torch"]
Quantization = Literal["int8"]


class Entry(Config):
    """A file."""

    bytes: int = Field(ge=0)
    """Its size."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Its hash."""


class Manifest(Config):
    """What a bundle holds."""

    format: Literal["sensorium-bundle"] = "sensorium-bundle"
    """What this is."""
    version: int = VERSION
    """Of the format."""
    kind: Kind
    """bundle: weights alone; onnx, torch: graphs, or programs of torch.export, beside them."""
    quantized: Quantization | None = None
    """In what the graphs compute, where not in float32."""
    name: str
    """Of the recipe."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Of the packages that it was made with."""
    files: dict[str, Entry]
    """Path inside the folder -> file."""


def is_bundle(folder: Path) -> bool:
    """Whether somebody calls this a bundle; opening it finds out."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, every file of which is there and as it says.

    Raises:
        BundleError: names the first thing that is wrong.
    """
    path = folder / MANIFEST
    size = _regular_size(path, folder)
    if size > LARGEST_MANIFEST:
        raise BundleError(f"{path} has {size:,} bytes, more than the {LARGEST_MANIFEST:,} allowed")
    try:
        tree = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}") from error
    _check_version(tree, path)
    try:
        manifest = Manifest.model_validate(tree)
    except ValidationError as error:
        raise BundleError(f"{path}: {said_of(error)}") from error
    for name, entry in manifest.files.items():
        _check_file(folder, name, entry)
    return manifest


def entries(folder: Path, names: Iterable[str]) -> dict[str, Entry]:
    """The files of a folder as a manifest has them."""
    return {
        name: Entry(bytes=(folder / name).stat().st_size, sha256=_sha256(folder / name))
        for name in names
    }


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose header is larger than there is any need for.

    Raises:
        BundleError: it is, or the file has none.
    """
    with path.open("rb") as file:
        said = int.from_bytes(file.read(8), "little")
    most = min(LARGEST_HEADER, max(path.stat().st_size - 8, 0))
    if not 0 < said <= most:
        raise BundleError(
            f"{path}: the header is to have {said:,} bytes, expected 1 to {most:,}; the file is "
            "damaged or made to do harm"
        )


def read_json(folder: Path, name: str) -> bytes:
    """The content of a JSON file, if it is no larger than any has need for.

    Raises:
        BundleError: it is.
    """
    path = folder / name
    size = path.stat().st_size
    if size > LARGEST_JSON:
        raise BundleError(f"{path} has {size:,} bytes, more than the {LARGEST_JSON:,} allowed")
    return path.read_bytes()


def said_of(error: ValidationError) -> str:
    """The first thing that is wrong, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _check_version(tree: object, path: Path) -> None:
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise BundleError(f"{path} is not the manifest of a bundle: expected format={FORMAT!r}")
    if tree.get("version") != VERSION:
        raise BundleError(
            f"{path}: version {tree.get('version')!r} of the format is not known here, expected "
            f"{VERSION}; export the run anew, or use the version of sensorium that made it"
        )


def _check_file(folder: Path, name: str, entry: Entry) -> None:
    if not NAME.fullmatch(name) or ".." in name:
        raise BundleError(f"{folder}: the manifest names {name!r}, which leads out of the folder")
    path = folder / name
    size = _regular_size(path, folder)
    if size != entry.bytes:
        raise BundleError(f"{path} has {size:,} bytes, not the {entry.bytes:,} of the manifest")
    if _sha256(path) != entry.sha256:
        raise BundleError(f"{path} is not the file that the manifest describes: its hash differs")


def _regular_size(path: Path, folder: Path) -> int:
    """The bytes of a file that is one, and no link, nor lies behind one."""
    for part in (path, *path.parents):
        if part == folder:
            break
        if part.is_symlink():
            raise BundleError(f"{part} is a link; a bundle holds its files itself")
    try:
        found = path.lstat()
    except OSError as error:
        raise BundleError(f"{path} is missing or cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise BundleError(f"{path} is no file")
    return found.st_size


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(BYTES_AT_A_TIME):
            digest.update(some)
    return digest.hexdigest()
