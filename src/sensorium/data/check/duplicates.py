"""Samples that are the same, or that look, sound or read alike."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

BANDS = 5
"""The 64 bits are cut into so many parts; two hashes that differ in fewer bits share a part."""

MOST_BITS = BANDS - 1
"""Bits of the hash in which two that are alike may differ."""

MOST_DIFFERENCE = 7
"""Levels in which each value of the signatures of two that are alike may differ."""

NEIGHBOURS = 64
"""How many that share a part of the hash are compared with each, the most similar ones first."""

Place = tuple[int, int]
"""Number of a set, and a row of it."""


class Marks:
    """What the samples of all sets are known by, in arrays that grow.

    Args:
        signature_values: how many each signature has; 0 where the hash says it all.
    """

    def __init__(self, signature_values: int = 0) -> None:
        self._signature_values = signature_values
        self._sets = array("l")
        self._rows = array("q")
        self._hashes = array("Q")
        self._signatures = array("B")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, place: Place, hash: int, signature: np.ndarray | None = None) -> None:
        self._sets.append(place[0])
        self._rows.append(place[1])
        self._hashes.append(hash)
        if signature is not None:
            self._signatures.frombytes(signature.tobytes())

    @property
    def hashes(self) -> np.ndarray:
        """uint64 [n]."""
        return np.array(self._hashes, np.uint64)

    @property
    def signatures(self) -> np.ndarray:
        """uint8 [n, values]."""
        flat = np.array(self._signatures, np.uint8)
        return flat.reshape(len(self), self._signature_values)

    def places(self, members: list[int]) -> list[Place]:
        """Of some, each once, in order; a row may hold the same thing twice."""
        return sorted({(self._sets[one], self._rows[one]) for one in members})


def same(marks: Marks) -> list[list[Place]]:
    """Groups of samples with equal hashes."""
    hashes = marks.hashes
    order = np.argsort(hashes, kind="stable")
    borders = np.flatnonzero(np.diff(hashes[order])) + 1
    runs = (run.tolist() for run in np.split(order, borders) if len(run) > 1)
    return _of_several([marks.places(run) for run in runs])


def alike(marks: Marks) -> list[list[Place]]:
    """Groups of samples whose hashes and signatures differ little.

    Every sample is compared with those that share a part of its hash, sorted by the sum of their
    signatures, up to `NEIGHBOURS` of them: the time grows with the samples, not with their square.
    """
    if len(marks) < 2:
        return []
    hashes, signatures = marks.hashes, marks.signatures
    leader = list(range(len(marks)))
    for a, b in _near_pairs(hashes, signatures):
        _join(leader, a, b)
    groups: dict[int, list[int]] = defaultdict(list)
    for one in range(len(marks)):
        groups[_leader(leader, one)].append(one)
    return _of_several([marks.places(group) for group in groups.values() if len(group) > 1])


def _near_pairs(hashes: np.ndarray, signatures: np.ndarray) -> Iterator[tuple[int, int]]:
    sums = signatures.sum(axis=1, dtype=np.int64)
    bits = -(-64 // BANDS)
    for band in range(BANDS):
        part = hashes >> np.uint64(band * bits) & np.uint64((1 << bits) - 1)
        order = np.lexsort((sums, part))
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            a, b = order[:-step], order[step:]
            near = (part[a] == part[b]) & (sums[b] - sums[a] <= _most_sum(signatures))
            if not near.any():
                break
            a, b = a[near], b[near]
            differ = np.unpackbits((hashes[a] ^ hashes[b]).view(np.uint8).reshape(-1, 8), axis=1)
            close = differ.sum(axis=1) <= MOST_BITS
            a, b = a[close], b[close]
            apart = np.abs(signatures[a].astype(np.int16) - signatures[b])
            within = (apart <= MOST_DIFFERENCE).all(axis=1)
            yield from zip(a[within].tolist(), b[within].tolist(), strict=True)


def _most_sum(signatures: np.ndarray) -> int:
    return MOST_DIFFERENCE * signatures.shape[1]


def _leader(leaders: list[int], one: int) -> int:
    while leaders[one] != one:
        leaders[one] = leaders[leaders[one]]
        one = leaders[one]
    return one


def _join(leaders: list[int], a: int, b: int) -> None:
    a, b = _leader(leaders, a), _leader(leaders, b)
    leaders[max(a, b)] = min(a, b)


def _of_several(groups: list[list[Place]]) -> list[list[Place]]:
    """Those of more than one sample, in the order of their first."""
    return sorted(group for group in groups if len(group) > 1)
