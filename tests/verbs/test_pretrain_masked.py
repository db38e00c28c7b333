"""A masked autoencoder alone: pictures without words, from files to a report."""

from pathlib import Path

import torch
from tests.pairs import tiny_tree, write_pairs

from sensorium.recipe import Recipe
from sensorium.verbs.pretrain import pretrain


def recipe(folder: Path, **image: object) -> Recipe:
    tree = tiny_tree(folder, steps=4)
    tree["data"] |= {"fields": {"image": "file_name", "text": []}}
    tree["data"]["image"] |= image
    del tree["model"]["fusion"], tree["model"]["encoders"]["text"]
    tree["tasks"] = {"masked_image": {"width": 8, "depth": 1, "heads": 2}}
    return Recipe.model_validate(tree)


def test_a_run_on_pictures_alone(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data")
    trained = pretrain(recipe(data), run_dir=tmp_path / "run")
    assert trained.summary is not None
    names = {"error", "error_of_mean_patch", "explained"}
    assert trained.summary["metrics"].keys() == {f"test/masked_image/{name}" for name in names}
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert page.count("test.jsonl:1, ") == 3
    mixture, _ = trained.run.mixture(torch.device("cpu"))
    assert list(mixture.model.encoders) == ["image"]
    own = pretrain(recipe(data, fit="native", patch_size=4), run_dir=tmp_path / "own shape")
    assert own.summary is not None
    assert own.summary["metrics"]["test/masked_image/error"] > 0
