"""Every template runs as it is shipped, on made data; only its size and its length are cut."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.labelled import write_labelled
from tests.pairs import read_rows, write_rows

from sensorium.recipe import recipe_tree, shipped_recipes
from sensorium.run import Run
from sensorium.verbs.finetune import finetune
from sensorium.verbs.pretrain import pretrain

FIGURES = {
    "template": "contrastive/text_to_image/recall_at_1",
    "template-classify": "classification/f1_macro",
    "template-regress": "regression/mae",
    "template-answer": "question_answering/accuracy",
    "template-caption": "captioning/cider",
    "template-retrieval": "matching/reranked_text_to_image/recall_at_1",
}
"""Of each template that learns from rows of `made`, a figure that only its own tasks have."""

WRITTEN = "answers in words"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `my-data`, of which every row has all that templates ask for."""
    folder = tmp_path_factory.mktemp("made")
    data = write_labelled(folder / "my-data", train=40, test=10)
    for split in ("train", "test"):
        rows = read_rows(data / f"{split}.jsonl")
        for row in rows:
            row |= {"label": row["colour"], "number": row["brightness"]}
            row["text"] = f"a {row['colour']} thing"
        write_rows(data / f"{split}.jsonl", rows)
    return folder


def cut(name: str) -> dict[str, Any]:
    """A template's tree with a small model and one step; all else as it is shipped."""
    _, tree = recipe_tree(name)
    for modality in tree["model"]["encoders"].values():
        modality |= {"width": 24, "depth": 1, "heads": 2}
    encoders = tree["model"]["encoders"]
    encoders["image"]["stem_widths"] = [8]
    if tree["model"].get("fusion"):
        tree["model"]["fusion"] |= {"width": 24, "depth": 1, "heads": 2}
    tree["data"]["image"] |= {"size": 32}
    tree["train"] |= {"epochs": 1, "batch_size": 32, "validate_every_steps": 1}
    return tree


def test_every_template_is_here():
    templates = {name for name in shipped_recipes() if name.startswith("template")}
    assert templates - {"template-detect"} == set(FIGURES)


@pytest.mark.parametrize("name", [*FIGURES, WRITTEN])
def test_a_template_trains_and_is_judged(
    name: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    tree = cut("template-answer" if name == WRITTEN else name)
    figure = FIGURES.get(name, "answer_generation/accuracy")
    if name == WRITTEN:  # what its comments say
        tree["tasks"] = {"answer_generation": {"decoder": {"width": 24, "depth": 1, "heads": 2}}}
        tree["train"]["best_metric"] = "validation/answer_generation/accuracy"
    if name == "template-caption":
        tree["tasks"]["captioning"]["decoder"] |= {"width": 24, "depth": 1, "heads": 2}
    recipe = tmp_path / "my-recipe.yaml"
    recipe.write_text(yaml.safe_dump(tree))
    trained = pretrain(recipe, run_dir=tmp_path / "run")
    assert trained.summary is not None
    metrics = trained.summary["metrics"]
    assert f"test/{figure}" in metrics
    if "best_metric" in tree["train"]:
        assert tree["train"]["best_metric"] in metrics
        assert trained.summary["best_step"] is not None


def test_a_template_starts_from_a_run_without_what_comes_from_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the template of search: the classes and the questions of the same pictures."""
    monkeypatch.chdir(made)
    start = tmp_path / "start.yaml"
    start.write_text(yaml.safe_dump(cut("template-retrieval")))
    pretrain(start, run_dir=tmp_path / "start")
    for name in ("template-classify", "template-answer"):
        tree = cut(name)
        del tree["model"], tree["data"]["image"]
        tree["data"].pop("text", None)
        tree["finetune"] = {"layer_decay": 0.75, "unfreeze_over": 0.2}
        recipe = tmp_path / f"{name}.yaml"
        recipe.write_text(yaml.safe_dump(tree))
        finetune(recipe, start=tmp_path / "start", run_dir=tmp_path / name)
        summary = Run.open(tmp_path / name).summary()
        assert summary is not None
        assert f"test/{FIGURES[name]}" in summary["metrics"]
