"""`evaluate --shares`: into the summary, and to be read."""

import shutil

from tests.conftest import Command
from tests.labelled import labelled_tree, write_labelled

from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.verbs.pretrain import pretrain


def test_shares_of_a_set_are_told_and_kept(tmp_path, sensorium: Command):
    tree = labelled_tree(write_labelled(tmp_path / "data"), steps=2)
    run = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run").run
    assert "shares" not in run.summary()
    answer = sensorium("evaluate", run.folder, "--shares")
    assert answer.status == 0, answer.err
    assert "each modality's share in what is said" in answer.out
    shares = run.summary()["shares"]["test"]
    assert shares.keys() == {"classification", "regression", "question_answering"}
    assert shares["classification"]["samples"] == 12
    assert shares["classification"]["shares"].keys() == {"image", "text"}
    assert shares["regression"]["unit"] == "deviations"


def test_a_run_of_pairs_alone_says_why_there_are_none(trained: Run, tmp_path, sensorium: Command):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    answer = sensorium("evaluate", folder, "--shares")
    assert answer.status == 0, answer.err
    assert "of pairs, of which each modality has half" in answer.out
