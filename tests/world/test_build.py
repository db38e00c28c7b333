"""The world as files: deterministic, readable, true, all or nothing."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.world.conftest import CONFIG, read_rows

from sensorium.errors import DataError
from sensorium.world.build import SUMMARY_NAME, WorldConfig, WorldSummary, build_world

SPLITS = ("train", "validation", "test")
STILL = CONFIG.model_copy(update={"modalities": ("image", "text")})


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_same_config_gives_the_same_bytes(world: Path, tmp_path: Path) -> None:
    build_world(tmp_path, CONFIG)
    assert hashes(tmp_path) == hashes(world)
    assert len(hashes(world)) == 4 + 4 * (30 + 12 + 20)


def test_another_seed_gives_another_world(world: Path, tmp_path: Path) -> None:
    build_world(tmp_path, STILL.model_copy(update={"seed": 1}))
    assert read_rows(tmp_path, "test") != read_rows(world, "test")


def test_summary_tells_what_is_there(world: Path) -> None:
    summary = WorldSummary.model_validate_json((world / SUMMARY_NAME).read_bytes())
    assert summary.config == CONFIG
    assert summary.scenes == {"train": 30, "validation": 12, "test": 20}
    assert summary.unseen == {"train": 0, "validation": 0, "test": 10}
    for split in SPLITS:
        assert sum(row["unseen"] for row in read_rows(world, split)) == summary.unseen[split]


@pytest.mark.parametrize("split", SPLITS)
def test_rows_have_pictures_and_both_captions(world: Path, split: str) -> None:
    rows = read_rows(world, split)
    assert len(rows) == getattr(CONFIG, split)
    for row in rows:
        with Image.open(world / row["file_name"]) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (64, 64))
        assert len(row["text"].split()) <= 24
        assert re.fullmatch(r"[\u4e00-\u9fff，、]+", row["text_zh"])
        for thing in row["objects"]:
            assert f"{thing['size']} {thing['colour']} {thing['shape']}" in row["text"]


@pytest.mark.parametrize("image_size", [32, 64, 100])
def test_boxes_are_tight(tmp_path: Path, image_size: int) -> None:
    build_world(tmp_path, STILL.model_copy(update={"image_size": image_size}))
    for row in read_rows(tmp_path, "test"):
        with Image.open(tmp_path / row["file_name"]) as picture:
            pixels = np.asarray(picture).astype(int)
        inked = np.abs(pixels - pixels[0, 0]).max(axis=-1) > 40
        for thing in row["objects"]:
            left, top, width, height = thing["box"]
            around = np.zeros_like(inked)
            around[
                max(0, round(top - 1)) : round(top + height + 1),
                max(0, round(left - 1)) : round(left + width + 1),
            ] = True
            ys, xs = np.nonzero(inked & around)
            drawn = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
            assert np.allclose(drawn, (left, top, left + width, top + height), atol=1.5)


def test_rows_name_a_file_of_every_kind(world: Path) -> None:
    for row in read_rows(world, "validation"):
        for column in ("file_name", "video", "audio", "subtitles"):
            assert (world / row[column]).is_file()
        assert row["first_shape"] == row["objects"][0]["shape"]
        assert row["number"] == len(row["objects"])


@pytest.mark.parametrize(
    ("modalities", "folders", "absent"),
    [
        ({"image", "text"}, {"images"}, {"video", "audio", "text_video", "first_motion"}),
        ({"image"}, {"images"}, {"text", "questions", "subtitles"}),
        ({"audio", "text"}, {"sounds", "subtitles"}, {"file_name", "text_video", "video"}),
        ({"video"}, {"videos"}, {"audio", "text", "sound_order"}),
    ],
    ids=lambda value: "+".join(sorted(value)),
)
def test_only_what_is_asked_for_is_written(
    world: Path, tmp_path: Path, modalities: set[str], folders: set[str], absent: set[str]
) -> None:
    config = CONFIG.model_copy(update={"modalities": tuple(sorted(modalities))})
    build_world(tmp_path, config)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == folders
    for part, whole in zip(read_rows(tmp_path, "test"), read_rows(world, "test"), strict=True):
        assert absent.isdisjoint(part)
        same = set(part) - {"questions", "objects"}
        assert {key: part[key] for key in same} == {key: whole[key] for key in same}


def test_modalities_are_known_and_in_one_order() -> None:
    with pytest.raises(ValueError, match="expected some of image, text, video, audio, got smell"):
        WorldConfig(modalities=("smell",))
    assert WorldConfig(modalities=("text", "image")) == WorldConfig(modalities=("image", "text"))


def test_progress_is_told_after_each_scene(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    config = WorldConfig(train=2, validation=1, test=2, modalities=("image",))
    build_world(tmp_path, config, lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]


def test_standing_world_is_kept(world: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.rglob("*")}
    summary = build_world(world, CONFIG)
    assert summary.config == CONFIG
    assert {path: path.stat().st_mtime_ns for path in world.rglob("*")} == before


def test_another_world_is_not_overwritten(world: Path) -> None:
    before = hashes(world)
    with pytest.raises(DataError, match=r"found version 4 with seed=0 .*Name another folder"):
        build_world(world, CONFIG.model_copy(update={"seed": 1}))
    assert hashes(world) == before


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"found other files and no readable world\.json"):
        build_world(tmp_path, CONFIG)
    with pytest.raises(DataError, match="expected an empty folder"):
        build_world(tmp_path / "thesis.txt", CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_world(tmp_path / "world", CONFIG, interrupt)
    assert not list(tmp_path.iterdir())
