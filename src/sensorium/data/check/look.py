"""What one look at a picture, text, sound or video leaves behind, once its values are let go."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np

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
class Look:
    """What was seen of one cell.

    Attributes:
        content: 64 bits of the hash of its bytes: equal where the content is.
        likeness: None where there is nothing to compare, as in a black picture.
        streams: of a file that has several.
    """

    facts: dict[str, Fact]
    content: int
    suspicions: list[Suspicion] = field(default_factory=list)
    likeness: Likeness | None = None
    streams: list[str] = field(default_factory=list)


def content_hash(content: bytes | Path, *parts: object) -> int:
    """64 bits that are the same for the same bytes and the same `parts` (say, begin and end).

    Raises:
        OSError: the file cannot be read.
    """
    digest = blake2b(repr(parts).encode(), digest_size=8)
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return int.from_bytes(digest.digest(), "big")
