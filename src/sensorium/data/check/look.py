"""What one look at a picture, text, sound or video leaves behind, once its values are let go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np

from sensorium.data.quarantine import BrokenSample

T = TypeVar("T")

Fact = float | int | str | list[str]
"""A measure, which is summed up by its least, median and greatest; or words, which are counted."""

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Suspicion:
    """Something odd that does not keep a sample from being used.

    Attributes:
        kind: in a word or two, as in `black`; equal kinds are counted together.
        detail: what was seen, with figures.
    """

    kind: str
    detail: str


@dataclass(frozen=True)
class Likeness:
    """What is left of a value to find those that look or sound alike, though no byte is the same.

    Attributes:
        hash: 64 bits; two alike differ in few of them.
        signature: uint8 [values], coarse; two alike differ little in each.
    """

    hash: int
    signature: np.ndarray


@dataclass(frozen=True)
class MediaFile:
    """A file of several streams, whichever part of it a sample is.

    Attributes:
        seconds: of the whole.
        kinds: of its streams, as in `h264 video`.
        streams: described, with the subtitle files beside it.
    """

    seconds: float
    kinds: list[str]
    streams: list[str]

    @property
    def has_sound(self) -> bool:
        return any(kind.endswith(" audio") for kind in self.kinds)


@dataclass(frozen=True)
class Look:
    """What was seen of one cell.

    Attributes:
        content: 64 bits of the hash of its bytes: equal where the content is.
        likeness: None where there is nothing to compare, as in a black picture.
        file: what was seen of the whole file, where it is a video.
        part_of: 64 bits of the hash of the whole file, where the cell is a part of it.
    """

    facts: dict[str, Fact]
    content: int
    suspicions: list[Suspicion] = field(default_factory=list)
    likeness: Likeness | None = None
    file: MediaFile | None = None
    part_of: int | None = None


def content_hash(content: bytes | Path, *parts: object) -> int:
    """64 bits that are the same for the same bytes and the same `parts` (say, begin and end).

    Raises:
        BrokenSample: the file cannot be read.
    """
    digest = blake2b(repr(parts).encode(), digest_size=8)
    if isinstance(content, bytes):
        digest.update(blake2b(content).digest())
    else:
        digest.update(of_file(_file_digest, content))
    return int.from_bytes(digest.digest(), "big")


def of_file(cached: Callable[[Path, int], T], path: Path) -> T:
    """What `cached` finds in a file; it is asked again only when the file has changed.

    Raises:
        BrokenSample: the file cannot be read.
    """
    try:
        return cached(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise BrokenSample(f"the file cannot be read ({error})") from error


@lru_cache(maxsize=256)
def _file_digest(path: Path, changed: int) -> bytes:
    digest = blake2b()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.digest()
