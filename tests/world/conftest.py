"""A small whole world, and its scenes."""

import json
from pathlib import Path

import pytest

from sensorium.world.build import WorldConfig, build_world

CONFIG = WorldConfig(train=30, validation=12, test=20)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world of `CONFIG`. Do not change it."""
    folder = tmp_path_factory.mktemp("world") / "deeper" / "world"
    build_world(folder, CONFIG)
    return folder


def read_rows(world: Path, split: str) -> list[dict]:
    return [json.loads(line) for line in (world / f"{split}.jsonl").read_text("utf-8").splitlines()]
