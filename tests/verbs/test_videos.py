"""Videos with subtitles, from files to a trained and judged model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.films import subrip, tone, write_film

from sensorium.errors import RunError
from sensorium.recipe import Recipe
from sensorium.run import Run, build
from sensorium.verbs.pretrain import pretrain

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "grey": (128,) * 3}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three videos of four coloured seconds, with words that say the colour; the last is silent."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(3):
        pictures = [
            np.full((24, 32, 3), colour, np.uint8) for colour in COLOURS.values() for _ in range(10)
        ]
        sound = None if number == 2 else tone(number, 4.0)
        write_film(folder / f"{number}.mp4", pictures, rate=10, sound=sound)
        lines = [(i, i + 1, f"<i>{name}</i> in {number}") for i, name in enumerate(COLOURS)]
        (folder / f"{number}.srt").write_text(subrip(lines))
    return folder


def tree(films: Path, **video: Any) -> dict[str, Any]:
    encoder = {"width": 16, "depth": 1, "heads": 2}
    return {
        "name": "films",
        "data": {
            "train": str(films),
            "test": str(films / "0.mp4"),
            "fields": {"video": "video", "text": "text"},
            "video": {"size": 16, "frames": 3},
            "text": {"context_tokens": 12, "vocabulary": 300},
        },
        "model": {"encoders": {"video": encoder | {"patch_size": 4} | video, "text": encoder}},
        "tasks": {"contrastive": {"width": 8}},
        "train": {"steps": 3, "batch_size": 4, "precision": "float32", "device": "cpu"},
    }


@pytest.mark.parametrize("attention", ["divided", "joint"])
def test_a_folder_of_subtitled_videos_trains_a_model(films, tmp_path, attention):
    recipe = Recipe.model_validate(tree(films, attention=attention, drop_patches=0.5))
    done = pretrain(recipe, run_dir=tmp_path / "run")
    assert done.summary is not None
    names = [name for name in done.summary["metrics"] if name.startswith("test/contrastive/")]
    assert any("video" in name and "text" in name for name in names)
    assert done.summary["quarantined"] == 0


def test_the_shipped_recipe_learns_from_pictures_sounds_and_words(films, tmp_path):
    small = {"width": 16, "depth": 1, "heads": 2}
    video = small | {"patch_size": 16, "stem_widths": [8, 8]}
    overrides = [
        f"data.train={films}",
        f"data.test={films}",
        "data.video.size=32",
        "data.video.sampling=random_segment",
        "data.video.segment_seconds=1",
        "data.subtitles.clip_seconds=2",
        "data.workers=0",
        f"model.encoders={ {'video': video, 'audio': small, 'text': small} }",
        "train.batch_size=4",
        "train.epochs=2",
        "train.device=cpu",
        "train.precision=float32",
    ]
    done = pretrain("subtitled-video", overrides, run_dir=tmp_path / "run")
    assert done.summary is not None
    assert done.step == 2
    assert done.summary["quarantined"] == 0
    pairs = {"video_to_text", "text_to_video", "audio_to_text", "video_to_audio"}
    judged = {name.split("/")[2] for name in done.summary["metrics"] if name.startswith("test/con")}
    assert pairs <= judged


def test_a_video_encoder_starts_from_the_image_encoder_of_a_run(films, tmp_path, trained):
    settings = tree(films, image_weights=str(trained.folder))
    recipe = Recipe.model_validate(settings)
    run = Run.create(tmp_path / "run", recipe)
    mixture = build(recipe, trained.tokenizer())
    run.start(mixture)
    own, theirs = mixture.model.encoders["video"], trained.encoder_weights("image")
    assert torch.equal(own.transformer.norm.weight, theirs["transformer.norm.weight"])
    assert torch.equal(own.positions, theirs["positions"])
    done = pretrain(recipe, run_dir=tmp_path / "trained")
    assert done.step == 3


@pytest.mark.parametrize(
    ("video", "said"),
    [
        ({"image_weights": "nowhere"}, "no run in nowhere"),
        ({"width": 32}, "these image encoder's weights do not fit the video encoder; they have"),
    ],
)
def test_weights_that_cannot_be_taken_stop_the_start(films, tmp_path, trained, video, said):
    recipe = Recipe.model_validate(tree(films, **{"image_weights": str(trained.folder)} | video))
    for _ in range(2):  # and leave nothing in the way of the mended command
        with pytest.raises(RunError, match=said):
            pretrain(recipe, run_dir=tmp_path / "run")
