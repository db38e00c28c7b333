"""Sounds and their words, from files to a trained model that is searched by sound."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Command
from tests.data.sounds import encode_sound, tone
from tests.pairs import read_rows, write_recipe

from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.verbs.pretrain import pretrain

WORDS = {"low": 200.0, "middle": 600.0, "high": 1800.0, "shrill": 3600.0}


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Eight tones of different lengths, some of them Opus, each with its word beside it."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number in range(8):
        word, hertz = list(WORDS.items())[number % 4]
        kind = ("wav", "pcm_s16le", "s16") if number < 4 else ("ogg", "libopus", "flt")
        rate = 16000 + 32000 * (number >= 4)
        wave = tone(0.3 + 0.1 * number, rate, hertz)
        content = encode_sound(wave, rate, *kind[:2], sample_format=kind[2])
        (folder / f"{number}.{kind[0]}").write_bytes(content)
        (folder / f"{number}.txt").write_text(f"{word} {number}")
    return folder


def tree(sounds: Path, **data: Any) -> dict[str, Any]:
    encoder = {"width": 16, "depth": 1, "heads": 2}
    sizes = {"sample_rate": 8000, "seconds": 0.5, "mel_bins": 16, "evaluation_crops": 2}
    return {
        "name": "tones",
        "data": {
            "train": str(sounds),
            "test": str(sounds),
            "audio": sizes,
            "text": {"context_tokens": 12, "vocabulary": 300},
        }
        | data,
        "model": {"encoders": {"audio": encoder | {"patch_bins": 8}, "text": encoder}},
        "tasks": {"contrastive": {"width": 8}},
        "train": {"steps": 4, "batch_size": 4, "precision": "float32", "device": "cpu"},
    }


def test_a_folder_of_sounds_and_words_trains_a_model(sounds: Path, tmp_path: Path) -> None:
    """Kept in memory or decoded each time, the figures are the same."""
    summaries = []
    for megabytes in (0, 100):
        recipe = Recipe.model_validate(tree(sounds, cache_megabytes=megabytes))
        done = pretrain(recipe, run_dir=tmp_path / str(megabytes))
        assert done.summary is not None
        summaries.append(done.summary["metrics"])
        assert done.run.recipe.data.fields == {"audio": "file_name", "text": "text"}
    assert summaries[0] == summaries[1]
    assert "test/contrastive/audio_to_text/recall_at_1" in summaries[0]


@pytest.mark.parametrize("megabytes", [0, 100])
def test_a_broken_sound_is_named_and_left_out(sounds: Path, tmp_path: Path, megabytes: int) -> None:
    (sounds / "8.flac").write_bytes(b"fLaC")
    (sounds / "8.txt").write_text("broken")
    recipe = Recipe.model_validate(tree(sounds, cache_megabytes=megabytes, failure_budget=0.5))
    done = pretrain(recipe, run_dir=tmp_path / "run")
    named = {row["id"].split("/")[-1]: row["reason"] for row in read_rows(done.run.quarantine_path)}
    assert list(named) == ["8.flac"]
    assert named["8.flac"].startswith("sound '8.flac': the file is truncated, damaged or no sound")


def test_a_sound_finds_itself_and_words(
    sensorium: Command, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_recipe(tmp_path / "tones.yaml", tree(sounds))
    assert sensorium("pretrain", "tones.yaml", "--run-dir", "run").status == 0
    assert Run.open("run").recipe.data.audio.evaluation_crops == 2
    assert sensorium("index", "run", sounds).status == 0
    asked = sounds / "3.wav"
    answer = sensorium("search", "run", "--audio", asked, "--find", "audio", "--json")
    best = json.loads(answer.out)[0]
    assert (best["id"], best["path"], best["text"]) == ("3.wav", str(asked), "shrill 3")
    assert best["score"] == pytest.approx(1.0, abs=1e-4)
    answer = sensorium("search", "run", "--audio", asked, "--top", 2, "--html", "found.html")
    assert answer.status == 0, answer.err
    assert Path("found.html").is_file()
    assert "3.wav" in answer.out  # its words are looked for: the run knows no pictures
    answer = sensorium("search", "run", "high 2", "--json")
    assert all(hit["path"].endswith((".wav", ".ogg")) for hit in json.loads(answer.out))
    answer = sensorium("search", "run", "--audio", sounds / "3.txt")
    assert answer.status == 1
    assert "cannot search by this: sound" in answer.err
