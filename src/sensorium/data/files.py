"""Where a file lies, in a folder or at a URL, and the part of a file that holds one cell."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from fsspec.core import strip_protocol, url_to_fs
from fsspec.registry import known_implementations

from sensorium.data.quarantine import BrokenSample
from sensorium.errors import DataError, MissingDependencyError


@dataclass(frozen=True)
class Remote:
    """A file or folder at a URL that fsspec reads; to be used as a `Path` is.

    Attributes:
        url: as in `s3://bucket/train.jsonl`.
    """

    url: str

    @property
    def name(self) -> str:
        return posixpath.basename(self.url.rstrip("/"))

    @property
    def suffix(self) -> str:
        return posixpath.splitext(self.name)[1]

    @property
    def parent(self) -> Remote:
        return Remote(posixpath.dirname(self.url.rstrip("/")))

    def __truediv__(self, name: str) -> Remote:
        return Remote(_below(self.url, name))

    def __str__(self) -> str:
        return self.url

    def open(self, mode: str = "rb") -> BinaryIO:
        """The file, to be read by forward and by backward seeks."""
        system, path = self._system()
        return cast(BinaryIO, system.open(path, mode))

    def read(self, start: int, end: int | None) -> bytes:
        """Its bytes from `start` to before `end`."""
        system, path = self._system()
        return cast(bytes, system.cat_file(path, start, end))

    def size(self) -> int:
        system, path = self._system()
        return int(system.size(path))

    def is_file(self) -> bool:
        system, path = self._system()
        return bool(system.isfile(path))

    def is_dir(self) -> bool:
        system, path = self._system()
        return bool(system.isdir(path))

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def glob(self) -> list[Remote]:
        """What matches the URL as a pattern, sorted."""
        system, path = self._system()
        return [Remote(system.unstrip_protocol(found)) for found in sorted(system.glob(path))]

    def _system(self) -> tuple[Any, str]:
        """What reads the URL, and the path as it knows it.

        Looked up each time: connections must not be taken into another process. fsspec keeps them.
        """
        try:
            return url_to_fs(self.url)
        except ImportError as error:
            protocol = self.url.partition("://")[0]
            raise MissingDependencyError(
                f"{self.url}: what reads {protocol}:// is not installed; "
                f"install it by: pip install {_package(protocol)}"
            ) from error
        except ValueError as error:
            raise DataError(f"{self.url}: {error}") from error


Location: TypeAlias = Path | Remote
"""Of a file or a folder."""


@dataclass(frozen=True)
class Part:
    """Some bytes of a file, read when they are needed.

    Attributes:
        file: where they lie.
        start: their first byte.
        size: how many; None goes to the end of the file.
    """

    file: Location
    start: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """The bytes.

        Raises:
            BrokenSample: the file is missing, cannot be read, or ends too early.
        """
        try:
            content = self._read()
        except FileNotFoundError:
            raise BrokenSample("the file is missing") from None
        except MissingDependencyError:
            raise
        except Exception as error:  # each of fsspec's backends has errors of its own
            raise BrokenSample(f"the file cannot be read ({error})") from error
        if self.size is not None and len(content) < self.size:
            raise BrokenSample(f"{self.file.name} ends within it")
        return content

    def _read(self) -> bytes:
        if isinstance(self.file, Remote):
            return self.file.read(self.start, None if self.size is None else self.start + self.size)
        with self.file.open("rb") as file:
            file.seek(self.start)
            return file.read(-1 if self.size is None else self.size)


class KeptOpen:
    """A file of which many small parts are read: kept open, or in memory where it is at a URL.

    To open a file anew for each part would cost more than the parts. It can be sent to a worker
    process, and read in threads.
    """

    def __init__(self, file: Location) -> None:
        self.file = file
        self._descriptor: int | None = None
        self._content = file.read(0, None) if isinstance(file, Remote) else None

    def read(self, start: int, size: int) -> bytes:
        """A part of the file.

        Raises:
            BrokenSample: the file is missing, cannot be read, or ends too early.
        """
        if self._content is not None:
            return self._content[start : start + size]
        if not hasattr(os, "pread"):
            return Part(self.file, start, size).read()
        try:
            if self._descriptor is None:
                self._descriptor = os.open(str(self.file), os.O_RDONLY)
            content = os.pread(self._descriptor, size, start)
        except OSError as error:
            raise BrokenSample(f"{self.file.name} cannot be read ({error.strerror})") from error
        if len(content) < size:
            raise BrokenSample(f"{self.file.name} ends within it")
        return content

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_descriptor": None}

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def location(path: str) -> Location:
    """A path, or a URL; `file://` is a path."""
    if path.startswith(("file://", "local://")):
        return Path(strip_protocol(path))
    return Remote(path) if "://" in path else Path(path).expanduser()


def join(folder: Location, name: str) -> Location:
    """What a cell names: a path below `folder`, an absolute path, or a URL."""
    return location(name) if "://" in name else folder / name


def size_of(place: Location) -> int:
    """Bytes of the file."""
    return place.size() if isinstance(place, Remote) else place.stat().st_size


def _package(protocol: str) -> str:
    """What pip installs to read a protocol, as it is written in a shell."""
    module = known_implementations[protocol]["class"].partition(".")[0]
    extra = "http" if protocol == "https" else protocol
    return f"'fsspec[{extra}]'" if module == "fsspec" else module


def _below(folder: str, name: str) -> str:
    """`name` under the URL `folder`; an absolute name starts at the URL's root."""
    protocol, _, path = folder.partition("://")
    if name.startswith("/"):
        return f"{protocol}://{name.lstrip('/')}"
    return f"{protocol}://{posixpath.normpath(posixpath.join(path, name))}"
