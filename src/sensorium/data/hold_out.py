"""A share of the rows to train on, held out to validate on."""

from __future__ import annotations

import hashlib

from sensorium.data.settings import DataConfig
from sensorium.data.sources import Source
from sensorium.errors import DataError


def hold_out(source: Source, config: DataConfig, seed: int) -> tuple[list[int], list[int]]:
    """Rows to train on and rows held out. A row's lot depends on nothing but its id, or the group
    that it is of."""
    kept: list[int] = []
    held_out: list[int] = []
    for row in range(len(source)):
        digest = hashlib.sha256(f"{seed}:{source.group(row)}".encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        (held_out if share < config.validation_share else kept).append(row)
    if not kept or not held_out:
        raise DataError(
            f"data.validation_share={config.validation_share:g} of the {len(source)} rows of "
            f"{source.name} leaves {len(kept)} to train on and holds {len(held_out)} out; "
            "change it, or give data.validation a set of its own"
        )
    return kept, held_out
