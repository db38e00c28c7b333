import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from tests.conftest import Command
from tests.pairs import read_rows, tiny_tree, write_pairs, write_recipe, write_rows

from sensorium.errors import DataError, RunError
from sensorium.recipe import Recipe
from sensorium.run import Run
from sensorium.training import Checkpoints
from sensorium.verbs.evaluate import evaluate
from sensorium.verbs.listeners import Listeners
from sensorium.verbs.pretrain import pretrain
from sensorium.verbs.train_run import Pretrained


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "data")


def train(data: Path, folder: Path, **settings: Any) -> Pretrained:
    """Two steps; keywords go to the recipe's `train`."""
    tree = tiny_tree(data, **({"steps": 2} | settings))
    return pretrain(Recipe.model_validate(tree), run_dir=folder)


def bomb() -> bytes:
    """A PNG of a hundred bytes whose header promises 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def spoil(data: Path) -> dict[str, str]:
    """Add every kind of broken row to the training set; id -> what its reason says."""
    (data / "cut.png").write_bytes((data / "0.png").read_bytes()[:300])
    (data / "empty.png").touch()
    (data / "words.jpg").write_text("404: not found")
    (data / "bomb.png").write_bytes(bomb())
    pictures = ("cut.png", "empty.png", "words.jpg", "missing.png", "bomb.png")
    rows: list[Any] = read_rows(data / "train.jsonl")
    rows += [{"file_name": name, "text": "a broken thing"} for name in pictures]
    rows += ['{"file_name": "0.png", "text', {"file_name": "0.png", "text": ""}]
    write_rows(data / "train.jsonl", rows)
    reasons = [
        "'cut.png': the picture is truncated",
        "'empty.png': the file is empty",
        "'words.jpg': not a picture: the file holds text",
        "'missing.png': the file is missing",
        "'bomb.png': 30000 x 30000 pixels, more than data.image.max_pixels",
        "the line is not JSON",
        "no text: column 'text' is empty",
    ]
    return {f"train.jsonl:{line}": reason for line, reason in enumerate(reasons, start=13)}


@pytest.mark.parametrize("cache_megabytes", [100, 0], ids=["decoded before", "decoded on the way"])
def test_broken_samples_are_named_and_the_rest_is_learned(data, tmp_path, cache_megabytes):
    expected = spoil(data)
    tree = tiny_tree(data, epochs=3)
    tree["data"] |= {"failure_budget": 0.5, "cache_megabytes": cache_megabytes}
    notes: list[str] = []
    listeners = Listeners(on_note=notes.append)
    recipe = Recipe.model_validate(tree)
    done = pretrain(recipe, run_dir=tmp_path / "run", listeners=listeners)
    rows = read_rows(tmp_path / "run/quarantine.jsonl")
    told = [note for note in notes if "broken and left out; the first: train.jsonl:" in note]
    assert len(told) == (1 if cache_megabytes else 2)  # before and after the training
    named = {row["id"]: row["reason"] for row in rows}
    assert named.keys() == expected.keys()
    assert all(part in named[id] for id, part in expected.items())
    assert len(rows) == done.summary["quarantined"] == 7
    assert done.summary["samples"] > 2 * 12


def test_with_a_budget_of_zero_every_broken_sample_is_named_and_the_status_is_1(
    data, tmp_path, sensorium: Command
):
    expected = spoil(data)
    recipe = write_recipe(tmp_path / "tiny.yaml", tiny_tree(data, steps=2))
    folder = tmp_path / "run"
    answer = sensorium("pretrain", recipe, "data.failure_budget=0", "--run-dir", folder)
    assert answer.status == 1
    assert answer.err.startswith("error: 7 of 27 rows are broken")
    assert "Traceback" not in answer.err
    for id, reason in expected.items():
        assert f"{id}: " in answer.err
        assert reason in answer.err
    assert len(read_rows(folder / "quarantine.jsonl")) == 7
    again = sensorium("pretrain", recipe, "data.failure_budget=0.5", "--run-dir", folder)
    assert again.status == 0, "the mended command can be given again"


def test_the_summary_holds_what_the_design_says(trained):
    summary = trained.summary()
    retrieval = ("recall_at_1", "recall_at_5", "recall_at_10", "median_rank", "chance")
    assert summary["metrics"].keys() == {
        *(f"test/contrastive/image_to_text/{what}" for what in retrieval),
        *(f"test/contrastive/text_to_image/{what}" for what in retrieval),
        "test/matching/accuracy",
        "test/masked_language/accuracy",
        "test/masked_language/accuracy_withheld",
    }
    assert summary["train_seconds"] > 0
    assert summary["samples_per_second"] == pytest.approx(24 / summary["train_seconds"], rel=0.05)
    assert summary["device"] == "cpu"
    assert summary["parameters"] > 10_000
    assert {"python", "torch", "sensorium"} <= summary["versions"].keys()


def test_a_run_folder_holds_no_pickle(trained):
    names = {path.suffix or path.name for path in trained.folder.rglob("*") if path.is_file()}
    events = {name for name in names if name.strip(".").isdigit()}
    kinds = {".yaml", ".json", ".jsonl", ".safetensors", ".html"}
    assert names - events == kinds
    assert list(trained.folder.glob("events.out.tfevents.*"))


def test_a_run_reloads_from_its_folder_alone(trained, tmp_path):
    moved = shutil.copytree(trained.folder, tmp_path / "elsewhere")
    before = trained.summary()["metrics"]
    summary = Run.open(moved).summary()
    Run.open(moved).write_summary(summary | {"metrics": {}})
    assert evaluate(moved)["metrics"] == before


def test_the_guessed_columns_are_settled_in_the_recipe(trained):
    tree = yaml.safe_load((trained.folder / "recipe.yaml").read_text())
    assert tree["data"]["fields"] == {"image": "file_name", "text": "text"}


def test_sets_whose_columns_have_different_names_are_evaluated_and_resumed(data, tmp_path):
    rows = read_rows(data / "test.jsonl")
    renamed = [{"picture": row["file_name"], "caption": row["text"]} for row in rows]
    write_rows(data / "test.jsonl", renamed)
    done = train(data, tmp_path / "run")
    assert evaluate(tmp_path / "run")["metrics"] == done.summary["metrics"]
    resumed = pretrain(tmp_path / "run/recipe.yaml", run_dir=tmp_path / "run", resume=True)
    assert resumed.summary["metrics"] == done.summary["metrics"]


def test_a_world_is_drawn_where_nothing_is_there(tmp_path):
    tree = tiny_tree(tmp_path / "world", steps=2)
    tree["world"] = {"train": 8, "validation": 1, "test": 4, "modalities": ["image", "text"]}
    tree["data"]["fields"] = {"image": "file_name", "text": "text"}
    first = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "first")
    assert len(list((tmp_path / "world/images/train").iterdir())) == 8
    (tmp_path / "world/world.json").unlink()  # whatever lies there is left alone
    again = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "again")
    assert again.summary["metrics"] == first.summary["metrics"]
    assert not (tmp_path / "world/world.json").exists()


def test_a_place_that_cannot_hold_a_world_is_named(tmp_path):
    (tmp_path / "world").touch()
    tree = tiny_tree(tmp_path / "world", steps=2) | {"world": {"train": 8}}
    with pytest.raises(DataError, match="expected an empty folder or a world"):
        pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_best_of_the_validated_checkpoints_is_judged(data, tmp_path):
    tree = tiny_tree(
        data,
        steps=3,
        validate_every_steps=1,
        keep_checkpoints=1,
        best_metric="validation/contrastive/text_to_image/recall_at_1",
    )
    tree["data"]["validation_share"] = 0.3
    done = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    best = Checkpoints(tmp_path / "run/checkpoints").to_use().state()
    assert done.summary["metrics"][tree["train"]["best_metric"]] == best.best_figure
    assert {name.partition("/")[0] for name in done.summary["metrics"]} == {"validation", "test"}


def test_without_anything_to_judge_there_is_still_a_summary_and_a_report(data, tmp_path):
    tree = tiny_tree(data, steps=2)
    del tree["data"]["test"]
    done = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run")
    assert done.summary["metrics"] == {}
    assert (tmp_path / "run/report.html").exists()


def test_a_run_that_is_there_is_not_touched_unless_asked_to(data, trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    with pytest.raises(RunError, match=r"holds a run already; add --resume .* --overwrite"):
        train(data, folder)
    tree = tiny_tree(data, steps=3)
    done = pretrain(Recipe.model_validate(tree), run_dir=folder, overwrite=True)
    assert done.step == Run.open(folder).summary()["steps"] == 3


@pytest.mark.parametrize("name", ["thesis.docx", "recipe.yaml"])
def test_a_folder_that_is_no_run_is_never_removed(data, tmp_path, name):
    (data / name).write_text("mine")
    recipe = Recipe.model_validate(tiny_tree(data, steps=2))
    with pytest.raises(RunError, match="is not empty and is no run; choose another --run-dir"):
        pretrain(recipe, run_dir=data, overwrite=True)
    assert (data / name).read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot make the run folder .*file"):
        train(data, tmp_path / "file")


def test_a_start_that_came_to_nothing_leaves_nothing(data, tmp_path):
    with pytest.raises(DataError, match=r"no data at 'train\.jsonl'"):
        train(tmp_path / "nowhere", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match=r"train\.device=nonsense cannot be used here"):
        train(data, tmp_path / "run", device="nonsense")
    assert train(data, tmp_path / "run").step == 2


def test_changed_data_is_refused_on_resume(data, tmp_path):
    folder = tmp_path / "run"
    train(data, folder)
    with (data / "train.jsonl").open("a") as file:
        file.write('{"file_name": "0.png", "text": "one more"}\n')
    with pytest.raises(RunError, match=r"the data changed since .* was started \(train\)"):
        pretrain(folder / "recipe.yaml", run_dir=folder, resume=True)


def test_other_settings_are_refused_on_resume(trained):
    recipe = trained.folder / "recipe.yaml"
    with pytest.raises(RunError, match="was started with another recipe, or with other overrides"):
        pretrain(recipe, ["train.steps=9"], run_dir=trained.folder, resume=True)


def test_there_must_be_a_run_to_resume(data, tmp_path):
    recipe = Recipe.model_validate(tiny_tree(data, steps=2))
    with pytest.raises(RunError, match=r"no run in .*nothing: expected its recipe\.yaml"):
        pretrain(recipe, run_dir=tmp_path / "nothing", resume=True)


def test_every_modality_is_withheld_once_and_several_where_asked_for(trained, tmp_path, sensorium):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    before = Run.open(folder).summary()
    assert before["withheld"]["test"].keys() == {"image", "text"}
    answer = sensorium("evaluate", folder, "--without", "text", "--without", "image")
    assert answer.status == 0
    assert "image + text" in answer.out
    after = Run.open(folder).summary()
    assert after["metrics"] == before["metrics"]
    assert after["withheld"]["test"].keys() == {"image", "text", "image+text"}
    refused = sensorium("evaluate", folder, "--without", "audio")
    assert refused.status == 1
    assert "cannot withhold audio: the model of" in refused.err
    assert "knows only image, text" in refused.err


def test_pictures_in_their_own_shape(data: Path, tmp_path: Path) -> None:
    for number in range(20):
        with Image.open(data / f"{number}.png") as picture:
            shape = [(32, 8), (8, 32), (12, 16), (16, 16)][number // 4 % 4]
            picture.resize(shape).save(data / f"{number}.png")
    tree = tiny_tree(data, steps=4)
    tree["data"]["image"] |= {"fit": "native", "patch_size": 4}
    tree["model"]["encoders"]["image"]["stem_widths"] = [4]
    run = pretrain(Recipe.model_validate(tree), run_dir=tmp_path / "run").run
    assert run.summary() is not None
    assert evaluate(run.folder)["metrics"]
