"""Whole runs that learn places on the embedded world: what they reach, and what they tell."""

from pathlib import Path

import pytest
from tests.conftest import Command

from sensorium.recipe import load_recipe
from sensorium.run import Run
from sensorium.verbs.load import load
from sensorium.verbs.predict import predict
from sensorium.verbs.pretrain import pretrain
from sensorium.world.build import WorldConfig, build_world

SMALL = (
    "train.batch_size=32",
    "train.learning_rate=3.0e-3",
    "train.precision=float32",
    "train.device=cpu",
    "model.encoders.image.width=64",
    "model.encoders.image.depth=1",
    "model.encoders.image.heads=2",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places") / "world"
    config = WorldConfig(train=192, validation=4, test=24, modalities=("image", "text"))
    build_world(folder, config)
    return folder


@pytest.fixture(scope="module")
def detector(world: Path) -> Run:
    """A run of `world-detection`, made small. Do not change it."""
    settings = ("data.validation=null", "train.epochs=10", "tasks.detection.told_from=0.2")
    recipe = load_recipe("world-detection", (f"data.root={world}", *settings, *SMALL))
    return pretrain(recipe, run_dir=world.parent / "detector").run


def test_it_finds_things_far_better_than_by_chance(detector: Run) -> None:
    summary = detector.summary()
    assert summary is not None
    metrics = summary["metrics"]
    assert metrics["test/detection/map_50"] > 0.1
    assert metrics["test/detection/map_50"] > metrics["test/detection/map_75"] >= 0
    assert {"test/detection/map", "test/detection/recall"} <= metrics.keys()
    assert "test/detection/map_50_of_star" in metrics


def test_it_tells_boxes_in_pixels_of_the_file(detector: Run, world: Path, tmp_path: Path) -> None:
    answers = predict(detector.folder, world / "test.jsonl", out=tmp_path / "answers.jsonl")
    assert len(answers) == 24
    assert any(answer["detection"]["boxes"] for answer in answers)
    told = load(detector.folder).predict(image=world / "images/test/00000.png")
    assert told["detection"].keys() == {"boxes", "labels", "scores"}
    assert told["detection"]["labels"] == answers[0]["detection"]["labels"]
    assert told["detection"]["scores"] == pytest.approx(answers[0]["detection"]["scores"], abs=1e-4)
    for answer in answers:
        for left, top, right, bottom in answer["detection"]["boxes"]:
            assert 0 <= left < right <= 64
            assert 0 <= top < bottom <= 64


def test_a_phrase_is_grounded(world: Path) -> None:
    settings = (f"data.root={world}", "data.validation=null", "train.epochs=1", *SMALL)
    recipe = load_recipe("world-grounding", settings)
    run = pretrain(recipe, run_dir=world.parent / "grounding").run
    summary = run.summary()
    assert summary is not None
    names = {name.removeprefix("test/grounding/") for name in summary["metrics"]}
    assert names == {"accuracy", "iou", "accuracy_without_text", "accuracy_largest_object"}
    told = load(run.folder).predict(image=world / "images/test/00000.png", text="the red star")
    assert told["grounding"].keys() == {"box", "score"}
    assert len(told["grounding"]["box"]) == 4


def test_places_are_drawn_on_their_pictures(
    detector: Run, world: Path, tmp_path: Path, sensorium: Command
) -> None:
    page = tmp_path / "pages/drawn.html"
    answer = sensorium("predict", detector.folder, world / "test.jsonl", "--html", page)
    assert answer.status == 0
    assert f"drawn: {page}" in answer.out
    assert "detection" in answer.out
    text = page.read_text()
    assert text.count("data:image/webp") == 24
    assert 'viewBox="0 0 64 64"' in text
    assert "<rect" in text
    assert "http" not in text.replace("http-equiv", "")
    single = tmp_path / "one.html"
    predict(detector.folder, image=world / "images/test/00000.png", html=single)
    assert single.read_text().count("data:image/webp") == 1
    refused = sensorium("predict", detector.folder, "-", "--html", page)
    assert refused.status == 1
    assert "--html draws on the pictures of data or of --image, not of lines" in refused.err


def test_the_report_shows_what_was_found_beside_what_is_there(detector: Run) -> None:
    page = (detector.folder / "report.html").read_text()
    assert "24 pictures; on the left what was found, on the right what is there" in page
    assert page.count('class="marked"') == 2 * 3 * 4  # the best, the worst, some at random
    assert "test/00" not in page  # nothing of it lies outside
    assert "<rect" in page
