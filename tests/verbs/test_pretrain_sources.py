"""Training on streams and on mixtures: a run that stops goes on with the same bits."""

from pathlib import Path
from typing import Any

import pytest
from tests.data.shards import write_shards
from tests.pairs import tiny_tree, write_pairs, write_rows

from sensorium.errors import TrainingError
from sensorium.recipe import Recipe, load_recipe
from sensorium.run import Run
from sensorium.training.loop import Loop
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.pretrain import pretrain

STEPS = 6


def recipe(folder: Path, train: Any, **changes: Any) -> Recipe:
    """The tiny recipe with other sets to train on, and checkpoints every two steps."""
    tree = tiny_tree(folder, steps=STEPS, checkpoint_every_steps=2, threads=1)
    tree["data"] |= {"train": train} | changes.pop("data", {})
    tree["train"] |= changes
    return Recipe.model_validate(tree)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pairs in `train.jsonl` and `test.jsonl`, others in three shards."""
    folder = write_pairs(tmp_path / "data")
    write_shards(folder)
    return folder


SHARDS = {"path": "train-{000..002}.tar"}
MIXED: list[Any] = [
    {"path": "train.jsonl", "weight": 3, "fields": {"image": "file_name", "text": "text"}},
    SHARDS | {"fields": {"text": "txt"}},
]
STREAM = SHARDS | {"stream": True, "window_rows": 4}


def weights(folder: Path) -> bytes:
    return (folder / f"checkpoints/step-{STEPS:08d}/weights.safetensors").read_bytes()


@pytest.mark.parametrize("train", [MIXED, STREAM, [MIXED[0], MIXED[1] | STREAM]])
def test_a_run_that_was_cut_off_ends_with_the_same_bits(
    data: Path, tmp_path: Path, train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    pretrain(recipe(data, train), run_dir=whole)
    step = Loop.step

    def fail(self: Loop, batch: Any) -> Any:
        if self.state.step == 5:
            raise TrainingError("cut off")
        return step(self, batch)

    monkeypatch.setattr(Loop, "step", fail)
    with pytest.raises(TrainingError, match="cut off"):
        pretrain(recipe(data, train), run_dir=cut)
    monkeypatch.undo()
    pretrain(Run.open(cut).recipe, run_dir=cut, resume=True)
    assert weights(cut) == weights(whole)
    before = Run.open(cut).summary()
    assert before is not None
    assert evaluate(cut)["metrics"] == before["metrics"]


def test_what_was_guessed_of_each_set_is_in_its_recipe(data: Path, tmp_path: Path) -> None:
    run = pretrain(recipe(data, MIXED), run_dir=tmp_path / "run").run
    settled = load_recipe(tmp_path / "run/recipe.yaml").data
    assert [place.fields for place in settled.places("train")] == [
        {"image": "file_name", "text": "text"},
        {"image": "png", "text": "txt"},
    ]
    assert settled == run.recipe.data


def named(data: Path, stream: bool = False) -> Recipe:
    """Pairs for contrast and matching, texts of another set for masked words; so is the test."""
    pairs = MIXED[0] | {"name": "pairs", "stream": stream}
    words = {"path": "words.jsonl", "name": "words", "fields": {"text": "words", "image": []}}
    write_rows(data / "words.jsonl", [{"words": f"some words, {n}"} for n in range(6)])
    tests = [{"path": "test.jsonl", "name": "pairs"}, words | {"path": "words.jsonl"}]
    tree = recipe(data, [pairs, words]).model_dump(mode="json")
    tree["data"]["test"] = tests
    tree["tasks"]["contrastive"]["sources"] = ["pairs"]
    tree["tasks"]["masked_language"]["sources"] = ["words"]
    return Recipe.model_validate(tree)


@pytest.mark.parametrize("stream", [False, True])
def test_tasks_learn_from_and_are_judged_on_their_own_sources(
    data: Path, tmp_path: Path, stream: bool
) -> None:
    whole = pretrain(named(data, stream), run_dir=tmp_path / "run")
    assert whole.summary is not None
    metrics = whole.summary["metrics"]
    assert metrics["test/contrastive/image_to_text/chance"] == 1 / 8
    # The words' set has no pictures, so that nothing can be lost by withholding them.
    both = [metrics[f"test/masked_language/accuracy{end}"] for end in ("", "_withheld")]
    assert both[0] == both[1]
    assert evaluate(tmp_path / "run")["metrics"] == metrics


def test_epochs_of_a_stream_need_its_length(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"train\.epochs=2 of a stream .* give train\.steps=N"):
        pretrain(recipe(data, STREAM, epochs=2, steps=None), run_dir=tmp_path / "run")
