"""Writes the world as a folder of real files.

    world.json                      the config, the generator's version, counts, held-out pairs
    train.jsonl, validation.jsonl, test.jsonl
    images/train/00000.png ...      videos/...mp4   sounds/...wav   subtitles/...srt

What a row has, is in `docs/world.md`. The same config gives the same bytes on one platform.
"""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pydantic import Field, ValidationError, field_validator

from sensorium.config import Config
from sensorium.errors import DataError
from sensorium.world.acts import act_out
from sensorium.world.examiner import Examiner
from sensorium.world.sample import Studio
from sensorium.world.splits import plan_scenes
from sensorium.world.vocabulary import HELD_OUT_PAIRS

GENERATOR_VERSION = 4
"""To be raised with every change that alters a file of the world."""

SUMMARY_NAME = "world.json"

MODALITIES = ("image", "text", "video", "audio")
"""Of all scenes; a sound track goes into the clips where both are written."""

OnProgress = Callable[[int, int], None]
"""Called after each scene with the number of scenes written and their total."""


class WorldConfig(Config):
    """Which world to write, and how much of it."""

    seed: int = 0
    """The name of the world: the same seed gives the same files."""
    train: int = Field(default=6000, ge=1, le=99_999)
    """Training scenes."""
    validation: int = Field(default=300, ge=1, le=5000)
    """Validation scenes, without held-out colour-shape pairs."""
    test: int = Field(default=500, ge=1, le=5000)
    """Test scenes, every second one with a held-out colour-shape pair."""
    image_size: int = Field(default=64, ge=32, le=1024, multiple_of=2)
    """Side of the square pictures and clips, in pixels; H.264 takes even sizes only."""
    modalities: tuple[str, ...] = MODALITIES
    """What is written of each scene: image, text, video, audio."""

    @field_validator("modalities")
    @classmethod
    def _modalities_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(MODALITIES):
            raise ValueError(f"expected some of {', '.join(MODALITIES)}, got {', '.join(value)}")
        return tuple(modality for modality in MODALITIES if modality in value)


class WorldSummary(Config):
    """What a world's folder holds; the content of its `world.json`."""

    version: int
    """The generator's version."""
    config: WorldConfig
    """What was asked for."""
    scenes: dict[str, int]
    """Number of scenes by split."""
    unseen: dict[str, int]
    """How many of these contain a held-out pair."""
    held_out_pairs: tuple[tuple[str, str], ...]
    """Colour and shape of the pairs that occur in the test split only."""


def build_world(
    folder: Path, config: WorldConfig, on_progress: OnProgress | None = None
) -> WorldSummary:
    """Write the world into `folder`, all or nothing; keep it if it is there already.

    Args:
        folder: a folder that is absent, empty, or already this world.
        config: which world.
        on_progress: told after each scene.

    Raises:
        DataError: `folder` holds something else.
    """
    folder = folder.resolve()
    if folder.exists() and not _is_empty_folder(folder):
        return _existing_world(folder, config)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        unfinished = Path(scratch) / folder.name
        unfinished.mkdir()
        summary = _write_world(unfinished, config, on_progress)
        if folder.exists():
            folder.rmdir()  # Windows renames to a free name only
        unfinished.rename(folder)
    return summary


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _existing_world(folder: Path, config: WorldConfig) -> WorldSummary:
    """The summary of the world in `folder`; refuses anything but the world of `config`."""
    mend = "Name another folder, or delete this one"
    try:
        found = WorldSummary.model_validate_json((folder / SUMMARY_NAME).read_bytes())
    except (OSError, ValidationError):
        raise DataError(
            f"{folder}: expected an empty folder or a world, found other files and no readable "
            f"{SUMMARY_NAME}. {mend}."
        ) from None
    if (found.version, found.config) != (GENERATOR_VERSION, config):
        raise DataError(
            f"{folder}: expected the world of version {GENERATOR_VERSION} with {config}, "
            f"found version {found.version} with {found.config}. {mend}."
        )
    return found


def _write_world(folder: Path, config: WorldConfig, on_progress: OnProgress | None) -> WorldSummary:
    splits = plan_scenes(
        config.seed, train=config.train, validation=config.validation, test=config.test
    )
    studio = Studio(folder, config.modalities, config.image_size)
    total = sum(len(scenes) for scenes in splits.values())
    done = 0
    for split, scenes in splits.items():
        studio.prepare(split)
        examiner = Examiner(config.modalities, name_unseen=split == "test")
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8", newline="\n") as manifest:
            for index, scene in enumerate(scenes):
                stream = f"{config.seed}/{split}/{index}"
                acted = act_out(scene, Random(f"{stream}/acts"))
                row = studio.write(f"{split}/{index:05d}", acted, examiner, stream)
                manifest.write(json.dumps(row, ensure_ascii=False) + "\n")
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
    summary = WorldSummary(
        version=GENERATOR_VERSION,
        config=config,
        scenes={split: len(scenes) for split, scenes in splits.items()},
        unseen={split: sum(scene.unseen for scene in scenes) for split, scenes in splits.items()},
        held_out_pairs=tuple((colour.name, shape.name) for colour, shape in HELD_OUT_PAIRS),
    )
    text = summary.model_dump_json(indent=2) + "\n"
    (folder / SUMMARY_NAME).write_text(text, encoding="utf-8", newline="\n")
    return summary
