"""Checks of small real files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sensorium.data import DataConfig, open_source
from sensorium.data.check import OpenedSet, Report, check_sets

Check = Callable[..., Report]


@pytest.fixture
def check() -> Check:
    """(*paths, required=) -> the report on them, as sets named by their stems."""

    def run(*paths: Path, required: tuple[str, ...] = ()) -> Report:
        sets = [OpenedSet(p.stem, str(p), open_source(p, strict=False), required) for p in paths]
        return check_sets(sets, DataConfig(), workers=1)

    return run
