"""A run that starts from another: its recipe, its weights, and that it then stands alone."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.conftest import Command
from tests.pairs import read_rows, tiny_tree, write_pairs, write_recipe, write_rows
from tests.verbs.test_resume import finish, wait_for

from sensorium.errors import RecipeError, RunError
from sensorium.recipe import Recipe, load_recipe, recipe_tree
from sensorium.run import Run
from sensorium.training import Checkpoints
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.finetune import finetune
from sensorium.verbs.inherit import inherit
from sensorium.verbs.pretrain import pretrain
from sensorium.verbs.start import Start

BODY = ("model.encoders.image.", "model.encoders.text.", "model.fusion.")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Other pairs than those that the run was trained on."""
    data = write_pairs(tmp_path / "data", train=8, test=6)
    write_rows(data / "train.jsonl", read_rows(data / "train.jsonl")[::-1])
    return data


def tree_of(data: Path, **train: Any) -> dict[str, Any]:
    """A recipe for other data that says nothing of model and inputs."""
    tree = tiny_tree(data, **({"steps": 2} | train))
    del tree["model"], tree["data"]["image"], tree["data"]["text"]
    return tree | {"name": "finer"}


def saved(folder: Path, step: int) -> dict[str, torch.Tensor]:
    return Checkpoints(folder / "checkpoints").of(step).inference_weights()


def test_what_the_recipe_does_not_say_is_the_runs(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    done = finetune(recipe, start=trained.folder, run_dir=tmp_path / "run")
    ours, theirs = Run.open(tmp_path / "run").recipe, trained.recipe
    assert ours.model == theirs.model
    assert (ours.data.image, ours.data.text) == (theirs.data.image, theirs.data.text)
    assert ours.data.root == str(data)
    assert ours.name == "finer"
    assert done.step == 2
    tokenizers = [
        (run / "tokenizer.json").read_text() for run in (tmp_path / "run", trained.folder)
    ]
    assert tokenizers[0] == tokenizers[1]


def test_it_starts_with_the_weights_of_the_run_and_then_learns(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data, keep_checkpoints=9))
    finetune(recipe, start=trained.folder, run_dir=tmp_path / "run")
    before, first, last = (
        saved(trained.folder, 6),
        saved(tmp_path / "run", 0),
        saved(tmp_path / "run", 2),
    )
    assert before.keys() == first.keys() == last.keys()
    assert all(torch.equal(first[name], weight) for name, weight in before.items())
    assert any(not torch.equal(last[name], weight) for name, weight in before.items())


def test_heads_are_kept_only_of_tasks_that_mean_the_same(trained, data, tmp_path):
    before = saved(trained.folder, 6)

    def heads(name: str, *overrides: str) -> dict[str, bool]:
        """Task -> whether its head is that of the run."""
        folder = tmp_path / name
        recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data, keep_checkpoints=9))
        finetune(recipe, overrides, start=trained.folder, run_dir=folder)
        weights = saved(folder, 0)
        assert all(torch.equal(weights[n], before[n]) for n in before if n.startswith(BODY))
        probes = {
            "contrastive": "tasks.contrastive.project.image.weight",
            "matching": "tasks.matching.heads.image_and_text.weight",
            "masked_language": "tasks.masked_language.transform.0.weight",
        }
        return {task: torch.equal(weights[n], before[n]) for task, n in probes.items()}

    everything = dict.fromkeys(("contrastive", "matching", "masked_language"), True)
    assert heads("same", "tasks.matching.weight=0.1") == everything
    assert heads("other", "tasks.contrastive.temperature=0.1") == everything | {
        "contrastive": False
    }
    assert heads("fresh", "finetune.keep_heads=false") == dict.fromkeys(everything, False)


def test_only_the_encoders_that_are_asked_for_are_taken(trained, data, tmp_path, sensorium):
    tree = tree_of(data)
    tree["tasks"] = {"masked_language": {}}
    tree["data"]["fields"] = {"text": "text"}
    recipe = write_recipe(tmp_path / "words.yaml", tree)
    answer = sensorium("finetune", recipe, "--from", trained.folder, "--run-dir", tmp_path / "run")
    assert answer.status == 0, answer.err
    assert "encoder of text, fusion, head of masked_language" in answer.err
    assert "left out: encoder of image" in answer.err
    assert list(Run.open(tmp_path / "run").recipe.model.encoders.chosen()) == ["text"]
    before, after = saved(trained.folder, 6), saved(tmp_path / "run", 0)
    assert all(torch.equal(before[name], weight) for name, weight in after.items())


def test_an_encoder_can_be_left_out_by_name(trained, data, tmp_path):
    tree = tree_of(data) | {"tasks": {"masked_language": {}}}
    recipe = write_recipe(tmp_path / "words.yaml", tree)
    start = Start.open(trained.folder)
    whole = start.recipe(recipe, ["model.encoders.image=null", "model.fusion.dropout=0.3"])
    assert list(whole.model.encoders.chosen()) == ["text"]
    assert whole.model.fusion.dropout == 0.3
    assert whole.model.fusion.depth == trained.recipe.model.fusion.depth


def test_a_fusion_that_the_run_lacks_starts_fresh(data, tmp_path, sensorium):
    tree = tiny_tree(data, steps=2)
    tree["tasks"] = {"contrastive": {"width": 8}}
    del tree["model"]["fusion"]
    pretrain(write_recipe(tmp_path / "plain.yaml", tree), run_dir=tmp_path / "plain")
    finer = tree_of(data) | {"model": {"fusion": {"width": 16, "depth": 1, "heads": 2}}}
    recipe = write_recipe(tmp_path / "finer.yaml", finer)
    given = ["finetune", recipe, "--from", tmp_path / "plain", "--run-dir", tmp_path / "run"]
    answer = sensorium(*given)
    assert answer.status == 0, answer.err
    assert "head of contrastive; fresh: fusion, head of matching, head of masked_l" in answer.err
    frozen = sensorium(*given, "--overwrite", "finetune.freeze.fusion=true")
    assert frozen.status == 1
    assert (
        "finetune.freeze.fusion is for weights that have learned, but the fusion is" in frozen.err
    )


def test_pictures_of_another_size_interpolate_their_positions(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data, keep_checkpoints=9))
    finetune(recipe, ["data.image.size=32"], start=trained.folder, run_dir=tmp_path / "run")
    before, after = saved(trained.folder, 6), saved(tmp_path / "run", 0)
    name = "model.encoders.image.positions"
    assert (len(before[name]), len(after[name])) == (16, 64)
    corner = after[name].view(8, 8, 16)[:2, :2].mean(dim=(0, 1))
    torch.testing.assert_close(corner, before[name][0], atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["model.encoders.image.patch_size=8", "model.encoders.text.width=32"],
            [
                "model.encoders.image.patch_size=8, but {run} was trained with 4; what comes",
                "model.encoders.text.width=32, but {run} was trained with 16",
            ],
        ),
        (
            ["data.text.vocabulary=400"],
            ["data.text.vocabulary=400, but {run} was trained with 300"],
        ),
        (["data.image.fit=pad"], ["data.image.fit=pad, but {run} was trained with crop"]),
        (
            ["model.fusion={name: self_attention}"],
            ["model.fusion.name=self_attention, but {run} was trained with cross_attention"],
        ),
        (["model.fusion.depth=2"], ["model.fusion.depth=2, but {run} was trained with 1"]),
        (
            ["model.encoders.audio={}"],
            ["asks for audio, but the model of {run} knows only image, text; start from"],
        ),
        (
            ["data.fields={audio: sound, text: text}"],
            ["asks for audio, but the model of {run} knows only image, text; start from"],
        ),
        (["model.encoders.image.widht=8"], ["model.encoders.image.widht: no such key; did you"]),
        (["finetune.freeze.layers=3"], ["finetune.freeze.layers=3 is more than the 1 layers of"]),
    ],
)
def test_what_does_not_fit_the_run_is_refused(trained, data, tmp_path, overrides, said):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    with pytest.raises(RecipeError) as error:
        finetune(recipe, overrides, start=trained.folder, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    lines = str(error.value).splitlines()
    for part in said:
        assert any(part.format(run=trained.folder) in line for line in lines), lines


def test_what_changes_no_form_may_differ(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    overrides = ["model.encoders.image.dropout=0.3", "data.image.augment={flip: 0.0, shift: 0.0}"]
    whole = Start.open(trained.folder).recipe(recipe, overrides)
    assert whole.model.encoders.image.dropout == 0.3
    assert whole.data.image.augment.flip == 0.0
    assert whole.data.image.augment.colour_jitter == 0.2, "what is not said is the run's"


def test_the_encoders_that_a_recipe_names_are_those_that_it_takes(trained, data, tmp_path):
    tree = tree_of(data) | {"tasks": {"masked_language": {}}, "model": {"encoders": {"text": {}}}}
    recipe = write_recipe(tmp_path / "words.yaml", tree)
    start = Start.open(trained.folder)
    assert start.recipe(recipe, []).model.encoders.chosen().keys() == {"text"}
    added = start.recipe(recipe, ["model.encoders.image.dropout=0.3"]).model.encoders
    assert added.chosen().keys() == {"image", "text"}


def test_of_a_recipe_that_was_read_only_what_was_said_counts(trained, data):
    tree = tiny_tree(data, steps=2)
    del tree["data"]["text"], tree["model"]["fusion"]["depth"]  # by default other than the run's
    recipe = Start.open(trained.folder).recipe(Recipe.model_validate(tree), [])
    assert recipe.data.text == trained.recipe.data.text
    assert recipe.model == trained.recipe.model


def test_a_recipe_without_a_model_has_to_start_from_a_run(data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    for verb in (finetune, pretrain):
        with pytest.raises(RecipeError, match="model: missing; give it in the recipe, or take"):
            verb(recipe, run_dir=tmp_path / "run")
        with pytest.raises(RecipeError, match="model: missing; give it in the recipe, or take"):
            verb(recipe, ["model=null"], run_dir=tmp_path / "run")


@pytest.mark.parametrize("verb", [finetune, pretrain])
@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("finetune.freeze.encoders=all", r"finetune\.freeze\.encoders"),
        ("finetune.freeze.layers=1", r"finetune\.freeze\.layers"),
        ("finetune.lora={}", r"finetune\.lora"),
        ("finetune.unfreeze_over=0.5", r"finetune\.unfreeze_over"),
    ],
)
def test_fresh_weights_are_not_frozen(data, tmp_path, verb, override, named):
    recipe = write_recipe(tmp_path / "tiny.yaml", tiny_tree(data, steps=2))
    with pytest.raises(RecipeError, match=named + " is for weights that have learned"):
        verb(recipe, [override], run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_a_run_to_start_from_it_is_a_training_from_scratch(data, tmp_path):
    recipe = write_recipe(tmp_path / "tiny.yaml", tiny_tree(data, steps=2))
    finetune(recipe, run_dir=tmp_path / "one")
    pretrain(recipe, run_dir=tmp_path / "other")
    one, other = saved(tmp_path / "one", 2), saved(tmp_path / "other", 2)
    assert all(torch.equal(one[name], weight) for name, weight in other.items())
    assert Run.open(tmp_path / "one").summary()["started_from"] is None


def test_run_and_summary_name_where_it_came_from(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    done = finetune(recipe, start=trained.folder, run_dir=tmp_path / "run")
    facts = done.summary["started_from"]
    assert facts == Run.open(tmp_path / "run").facts()["started_from"]
    assert facts | {"weights_sha256": ""} == {
        "run": str(trained.folder),
        "recipe": "tiny",
        "step": 6,
        "weights_sha256": "",
    }
    assert len(facts["weights_sha256"]) == 64
    assert {"fingerprints", "versions"} < Run.open(tmp_path / "run").facts().keys()


EVERYTHING = [
    "finetune.lora={rank: 2}",
    "finetune.unfreeze_over=0.8",
    "finetune.layer_decay=0.7",
    "finetune.freeze.encoders=[text]",
    "train.moving_average=0.9",
]


def test_with_low_rank_updates_the_run_is_a_plain_one(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data, steps=4, learning_rate=0.01))
    done = finetune(recipe, EVERYTHING, start=trained.folder, run_dir=tmp_path / "run")
    mixture, _ = Run.open(tmp_path / "run").mixture(torch.device("cpu"))
    before, after = saved(trained.folder, 6), dict(mixture.named_parameters())
    assert after.keys() <= before.keys()
    changed = {n for n in after if n.startswith(BODY) and not torch.equal(after[n], before[n])}
    assert changed == {
        name
        for name in after
        if (
            name.startswith(("model.encoders.image.", "model.fusion."))
            and ".attention." in name + "."
        )
        or "cross_attention." in name
        if name.endswith("weight")
    }
    assert done.summary["trained_parameters"] < done.summary["parameters"] / 2
    assert evaluate(tmp_path / "run")["metrics"] == done.summary["metrics"]


def test_a_run_that_was_killed_ends_with_the_same_bits_without_its_start(
    trained, data, tmp_path, sensorium: Command
):
    steps = 30
    recipe = write_recipe(
        tmp_path / "finer.yaml", tree_of(data, steps=steps, checkpoint_every_steps=5, threads=1)
    )
    origin = shutil.copytree(trained.folder, tmp_path / "origin")
    finetune(recipe, EVERYTHING, start=origin, run_dir=tmp_path / "whole")
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "sensorium", "finetune", recipe, *EVERYTHING]
    process = subprocess.Popen(
        [*map(str, command), "--from", str(origin), "--run-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(folder / "checkpoints/step-00000005", process)
    process.kill()
    finish(process, status=-signal.SIGKILL)
    shutil.rmtree(origin)
    assert not (folder / "summary.json").exists(), "it had ended before it was stopped"
    answer = sensorium("finetune", recipe, "--run-dir", folder, "--resume")
    assert answer.status == 0, answer.err
    last = f"checkpoints/step-{steps:08d}"
    names = {path.name for path in (tmp_path / "whole" / last).glob("*.safetensors")}
    assert names == {f"{n}.safetensors" for n in ("weights", "average", "low_rank", "optimizer")}
    for name in names:
        assert (folder / last / name).read_bytes() == (
            tmp_path / "whole" / last / name
        ).read_bytes()


def test_the_shipped_recipe_of_digits_fits_runs_of_the_other(tmp_path):
    _, tree = recipe_tree("spoken-digits-classify")
    start = load_recipe("spoken-digits")
    whole = inherit(tree, [], "digits", start, tmp_path, words=True)
    assert whole.model.encoders.chosen().keys() == {"audio"}
    assert whole.model.encoders.audio == start.model.encoders.audio


STILL = "data.image.augment={shift: 0, flip: 0, colour_jitter: 0}"
FROZEN = ["finetune.freeze.encoders=all", STILL, "model.fusion.dropout=0"]


def test_what_frozen_encoders_give_is_computed_once(trained, data, tmp_path, sensorium: Command):
    tree = tree_of(data, epochs=3, steps=None, learning_rate=0.01, modality_dropout=0.2)
    tree["data"]["validation_share"] = 0.3
    tree["train"] |= {"validate_every_steps": 1, "checkpoint_every_steps": 1}
    tree["tasks"] = {"contrastive": {"width": 8}, "masked_language": {}}
    recipe = write_recipe(tmp_path / "finer.yaml", tree)
    each = finetune(recipe, FROZEN, start=trained.folder, run_dir=tmp_path / "each")
    folder = tmp_path / "once"
    given = ["finetune", recipe, *FROZEN, "finetune.cache_features=true", "--run-dir", folder]
    answer = sensorium(*given, "--from", trained.folder)
    assert answer.status == 0, answer.err
    once = Run.open(folder).summary()
    assert once["steps"] == each.summary["steps"] > 2
    assert once["metrics"] == pytest.approx(each.summary["metrics"])
    weights, others = saved(tmp_path / "each", each.step), saved(folder, each.step)
    for name, weight in weights.items():
        torch.testing.assert_close(others[name], weight, atol=1e-4, rtol=1e-3)
        if name.startswith("model.encoders."):
            assert torch.equal(weight, saved(trained.folder, 6)[name]), name


def test_a_run_on_what_was_computed_once_goes_on_exactly(trained, data, tmp_path):
    tree = tree_of(data, steps=5, checkpoint_every_steps=2, learning_rate=0.01)
    recipe = write_recipe(tmp_path / "finer.yaml", tree)
    given = [*FROZEN, "finetune.cache_features=true"]
    folder, last = tmp_path / "run", "checkpoints/step-00000005"
    finetune(recipe, given, start=trained.folder, run_dir=folder)
    whole = {path.name: path.read_bytes() for path in (folder / last).glob("*.safetensors")}
    shutil.rmtree(folder / last)
    finetune(recipe, run_dir=folder, resume=True)
    assert whole == {path.name: path.read_bytes() for path in (folder / last).glob("*.safetensors")}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "give data.image.augment.shift=0 data.image.augment.flip=0 data.image.augment.col"),
        ([STILL, "data.fields={text: [text, title]}"], "at random: give data.fields.text=text"),
        ([STILL, "data.train=[train.jsonl, test.jsonl]"], "needs one set to train on"),
        ([STILL, "data.train={path: train.jsonl, stream: true}"], "needs one set to train on"),
        (
            [STILL, "finetune.freeze.encoders=[image]"],
            "encoders once, but that of text learns",
        ),
    ],
)
def test_what_is_not_the_same_in_every_epoch_is_not_computed_once(
    trained, data, tmp_path, overrides, said
):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    given = ["finetune={freeze: {encoders: all}, cache_features: true}", *overrides]
    with pytest.raises(RecipeError) as error:
        finetune(recipe, given, start=trained.folder, run_dir=tmp_path / "run")
    assert said in str(error.value)


def stopped_before_it_took_its_start(trained: Run, recipe: Path, folder: Path) -> Path:
    """A run as it lies there when it was killed while it read its data; what it starts from."""
    origin = shutil.copytree(trained.folder, folder.parent / "origin")
    finetune(recipe, start=origin, run_dir=folder)
    shutil.rmtree(folder / "checkpoints")
    (folder / "summary.json").unlink()
    return origin


def test_a_run_that_has_not_saved_anything_takes_its_start_when_it_goes_on(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    folder = tmp_path / "run"
    finetune(recipe, start=trained.folder, run_dir=tmp_path / "whole")
    stopped_before_it_took_its_start(trained, recipe, folder)
    finetune(recipe, run_dir=folder, resume=True)
    whole, resumed = saved(tmp_path / "whole", 2), saved(folder, 2)
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())


def test_a_start_that_has_changed_in_between_is_refused(trained, data, tmp_path):
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    origin = stopped_before_it_took_its_start(trained, recipe, tmp_path / "run")
    path = origin / "checkpoints/step-00000006/weights.safetensors"
    save_file({name: weight + 1 for name, weight in load_file(path).items()}, path)
    with pytest.raises(RunError, match="which have changed since; start it anew with --overwrite"):
        finetune(recipe, run_dir=tmp_path / "run", resume=True)


def test_weights_under_other_names_are_listed_with_their_likely_counterpart(
    trained, data, tmp_path
):
    origin = shutil.copytree(trained.folder, tmp_path / "origin")
    path = origin / "checkpoints/step-00000006/weights.safetensors"
    old = "model.encoders.image.patch_embedding.weight"
    renamed = {
        n.replace(old, old.replace("patch_", "patches_")): w for n, w in load_file(path).items()
    }
    save_file(renamed, path)
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    with pytest.raises(RunError) as error:
        finetune(recipe, start=origin, run_dir=tmp_path / "run")
    assert f"missing {old}, perhaps their {old.replace('patch_', 'patches_')}" in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("start", "said"),
    [("nothing", "no run in .*nothing"), ("empty", "no tokenizer.json: its training never began")],
)
def test_there_must_be_a_run_to_start_from(trained, data, tmp_path, start, said):
    (tmp_path / "empty").mkdir()
    shutil.copy(trained.folder / "recipe.yaml", tmp_path / "empty")
    recipe = write_recipe(tmp_path / "finer.yaml", tree_of(data))
    with pytest.raises(RunError, match=said):
        finetune(recipe, start=tmp_path / start, run_dir=tmp_path / "run")


def test_a_run_that_ended_early_says_so_and_uses_its_best(data, tmp_path, sensorium: Command):
    tree = tiny_tree(
        data,
        steps=40,
        learning_rate=1e-6,
        validate_every_steps=1,
        best_metric="validation/contrastive/text_to_image/recall_at_10",
        stop_after=3,
    )
    tree["data"]["validation_share"] = 0.4
    recipe = write_recipe(tmp_path / "tiny.yaml", tree)
    answer = sensorium("finetune", recipe, "--run-dir", tmp_path / "run", "--json")
    assert answer.status == 0, answer.err
    summary = json.loads(answer.out)
    assert (summary["best_step"], summary["steps"]) == (1, 4)
    assert "stopped after 4 steps: 3 validations brought no better" in answer.err
