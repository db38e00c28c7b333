import re
from pathlib import Path

import pytest
import yaml

from sensorium.errors import RecipeError
from sensorium.fusion import (
    BottleneckConfig,
    PerceiverConfig,
    SelfAttentionConfig,
    TensorConfig,
)
from sensorium.recipe import Recipe, dump_recipe, load_recipe, shipped_recipes
from sensorium.tasks import TASKS
from tests.pairs import tiny_tree, write_recipe


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "mine.yaml", tiny_tree(tmp_path, steps=5))


def refused(path: Path, *overrides: str) -> list[str]:
    """Every line of the error, without the name of the recipe in front."""
    with pytest.raises(RecipeError) as error:
        load_recipe(path, overrides)
    return [line.removeprefix(f"recipe {path}: ") for line in str(error.value).splitlines()]


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_read(name):
    assert load_recipe(name).name


def test_the_recipes_that_the_readme_names_are_shipped():
    assert {"demo", "emoji", "template"} <= set(shipped_recipes())


@pytest.mark.parametrize("name", shipped_recipes())
def test_what_is_dumped_reads_back_equal(name, tmp_path):
    recipe = load_recipe(name)
    (tmp_path / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_the_dump_holds_every_default(path):
    tree = yaml.safe_load(dump_recipe(load_recipe(path)))
    assert tree["train"].keys() == type(load_recipe(path).train).model_fields.keys()


def test_overrides_are_yaml_at_dotted_keys(path):
    recipe = load_recipe(
        path,
        [
            "train.steps=7",
            "train.learning_rate=1e-3",
            "data.fields.text=[a, b]",
            "evaluation.rerank=4",
            "model.fusion=null",
            "tasks.matching=null",
            "tasks.masked_language=null",
        ],
    )
    assert (recipe.train.steps, recipe.train.learning_rate) == (7, 1e-3)
    assert recipe.data.fields == {"text": ["a", "b"]}
    assert recipe.evaluation.rerank == 4
    assert recipe.model.fusion is None
    assert list(recipe.tasks.chosen()) == ["contrastive"]


@pytest.mark.parametrize("key", ["model.fusion", "model.fusion.name"])
def test_another_fusion_keeps_what_it_knows_of_the_settings(path, key):
    assert load_recipe(path, [f"{key}=perceiver"]).model.fusion == PerceiverConfig(
        width=16, depth=1, heads=2, dropout=0.1
    )
    without_tokens = ["tasks.masked_language=null", f"{key}=tensor", "model.fusion.side=3"]
    assert load_recipe(path, without_tokens).model.fusion == TensorConfig(width=16, side=3)


def test_another_fusion_takes_its_default_for_what_it_does_not_allow(path):
    assert load_recipe(path, ["model.fusion=bottleneck"]).model.fusion == BottleneckConfig(
        width=16, heads=2, dropout=0.1
    )
    (line,) = refused(path, "model.fusion=bottleneck", "model.fusion.depth=1")
    assert line == "model.fusion.depth: input should be greater than or equal to 2; got 1"


def test_a_fusion_in_full_replaces_all_settings(path):
    recipe = load_recipe(path, ["model.fusion={name: perceiver, latents: 4}"])
    assert recipe.model.fusion == PerceiverConfig(latents=4)


def test_a_name_alone_is_a_fusion_with_its_defaults(tmp_path):
    tree = tiny_tree(tmp_path, steps=1)
    tree["model"]["fusion"] = "self_attention"
    path = write_recipe(tmp_path / "mine.yaml", tree)
    assert load_recipe(path).model.fusion == SelfAttentionConfig()
    deeper = load_recipe(path, ["model.fusion.depth=4"])
    assert deeper.model.fusion == SelfAttentionConfig(depth=4)
    assert load_recipe(path, ["model.fusion=bottleneck"]).model.fusion == BottleneckConfig()


def test_a_mistake_is_not_lost_with_the_fusion_that_it_was_made_in(path):
    lines = refused(path, "model.fusion.haeds=2", "model.fusion=perceiver")
    assert lines[0].startswith("model.fusion.haeds: no such key; did you mean 'heads'?")


def test_a_recipe_that_was_read_takes_overrides_too(path):
    recipe = load_recipe(load_recipe(path), ["train.steps=9"])
    assert recipe.train.steps == 9
    assert recipe == load_recipe(path, ["train.steps=9"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.steps", "override 'train.steps': expected key=value, as in train.steps=500"),
        ("train.steps=[", "override 'train.steps=[': the value is not YAML"),
        ("name.x=1", "override 'name.x=1': name holds a value, not keys"),
    ],
)
def test_an_override_that_cannot_be_read_is_named(path, override, said):
    assert refused(path, override) == [said]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trian.steps=1", "trian: no such key; did you mean 'train'?; expected data, evaluation,"),
        ("train.step=1", "train.step: no such key; did you mean 'steps'?; expected accumulate,"),
        (
            "model.encoders.image.widht=8",
            "model.encoders.image.widht: no such key; did you mean 'width'?; expected activation,",
        ),
        ("tasks.matchin={}", "tasks.matchin: no such key; did you mean 'matching'?"),
        ("train.zzz=1", "train.zzz: no such key; expected accumulate,"),
        (
            "model.fusion.haeds=2",
            "model.fusion.haeds: no such key; did you mean 'heads'?; expected",
        ),
        (
            "model.fusion={name: bottleneck, latents: 4}",
            "model.fusion.latents: no such key; expected bottlenecks, depth, dropout,",
        ),
        (
            "model.fusion=gatd",
            "model.fusion: no fusion named 'gatd'; did you mean 'gated'?; expected one of concat, ",
        ),
        ("model.fusion.name=cross", "model.fusion: no fusion named 'cross'; "),
        (
            "data.fields.imgae=x",
            "data.fields: expected modalities of image, text, audio, video or targets of label, "
            "labels, number, answer, question_type, boxes, box, wrong_text, wrong_type, got "
            "'imgae'; did you mean 'image'?",
        ),
    ],
)
def test_an_unknown_key_comes_with_the_nearest_and_all_valid_ones(path, override, said):
    (line,) = refused(path, override)
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.steps=many", r"train\.steps: input should be a valid integer.*; got 'many'"),
        ("train.batch_size=0", r"train\.batch_size: input should be greater than 0; got 0"),
        ("train.precision=half", r"train\.precision: input should be 'auto', .*; got 'half'"),
        ("train.epochs=3", r"train: give the length as either epochs or steps, one of the two"),
        ("train.best_metric=x", r"train: best_metric needs validate_every_steps"),
        ("train.stop_after=2", r"train: stop_after needs best_metric"),
        ("finetune.lora.places=[]", r"finetune\.lora\.places: expected attention, feed_forward"),
        ("model.encoders.text.heads=3", r"model\.encoders\.text: heads=3 must divide width=16"),
        ("model.fusion.heads=5", r"model\.fusion: heads=5 must divide width=16"),
        ("model.fusion.width=0", r"model\.fusion\.width: input should be greater than 0; got 0"),
        ("model.fusion=5", r"model\.fusion: expected the name of a fusion, or its settings; got 5"),
        ("name=null", r"name: input should be a valid string; got None"),
    ],
)
def test_a_wrong_value_says_what_was_expected_and_what_came(path, override, said):
    (line,) = refused(path, override)
    assert re.match(said, line), line


def test_a_missing_key_says_how_to_give_it(tmp_path):
    tree = tiny_tree(tmp_path)
    del tree["name"]
    path = write_recipe(tmp_path / "mine.yaml", tree)
    assert refused(path, "train.steps=1") == ["name: missing; give it in the recipe or as name=..."]


def test_everything_that_is_wrong_is_said_at_once(path):
    lines = refused(path, "train.steps=many", "data.imgae=1", "seed=x")
    assert [line.partition(":")[0] for line in lines] == ["seed", "data.imgae", "train.steps"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model.fusion=null"], "tasks.matching reads what is fused, but model.fusion is not set"),
        (
            ["model.fusion=gated"],
            "tasks.masked_language needs fused tokens, but model.fusion.name=gated gives only a "
            "vector; choose one of self_attention, cross_attention, bottleneck, perceiver, or "
            "leave the task out: tasks.masked_language=null",
        ),
        (
            ["model.fusion=tensor", "model.fusion.side=300", "tasks.masked_language=null"],
            "model.fusion: side=300 makes an outer product of (300 + 1)^2 = 90,601 values for 2 "
            "modalities, more than 65,536; give side=255 or less",
        ),
        (
            ["model.fusion.streams=[image]"],
            "tasks.masked_language needs fused words; add text to model.fusion.streams",
        ),
        (
            [
                "tasks.grounding={}",
                "data.fields.box=box",
                "model.fusion.streams=[text]",
                "model.encoders.image.drop_patches=0",
            ],
            "tasks.grounding needs fused patches; add image to model.fusion.streams",
        ),
        (
            ["tasks.detection={}", "data.fields.boxes=objects"],
            "tasks.detection needs every patch of a picture; give "
            "model.encoders.image.drop_patches=0",
        ),
        (
            [
                "tasks.detection={}",
                "data.fields.boxes=objects",
                "model.encoders.image.drop_patches=0",
                "data.image.augment.randaugment_operations=2",
            ],
            "tasks.detection cannot follow what RandAugment turns and bends; give "
            "data.image.augment.randaugment_operations=0",
        ),
        (
            ["tasks.detection={}", "model.encoders.image.drop_patches=0"],
            "tasks.detection learns boxes, which no set has a column for; add "
            "data.fields.boxes=COLUMN",
        ),
        (
            ["model.fusion.streams=[text, smell]"],
            "model.fusion: streams names smell, but model.encoders has only image, text",
        ),
        (["model.encoders.image.patch_size=5"], "patch_size=5 must divide data.image.size=16"),
        (
            ["data.image.fit=native"],
            "data.image.patch_size=8 must be model.encoders.image.patch_size=4 for",
        ),
        (
            ["model.encoders.image=null"],
            "tasks.contrastive needs two modalities to pair, but model.encoders has only text",
        ),
        (
            ["model.encoders.image=null", "tasks.matching.pairs=[[image, text]]"],
            "tasks.matching needs the modality image, but model.encoders has only text",
        ),
        (
            ["model.encoders.text=null"],
            "tasks.masked_language needs the modality text, but model.encoders has only image",
        ),
        (
            ["model.encoders.text=null", "model.encoders.image=null"],
            "model.encoders: expected at least one encoder, got none",
        ),
        (
            ["train.validate_every_steps=5"],
            "has no set to validate on; give data.validation or data.validation_share",
        ),
        (["world={}", "data.root=null"], "world is drawn into data.root, which is not set"),
        (
            ["finetune.freeze.encoders=[audio]"],
            "finetune.freeze.encoders names audio, but the model has only image, text",
        ),
        (
            ["finetune.freeze.layers=2"],
            "finetune.freeze.layers=2 is more than the 1 layers of model.encoders.image",
        ),
        (
            ["finetune.freeze.fusion=true", "model.fusion=null"],
            "finetune.freeze.fusion=true, but model.fusion is not set",
        ),
        (
            ["finetune={freeze: {encoders: [text]}, cache_features: true}"],
            "finetune.cache_features runs encoders once, but that of image learns; freeze them by",
        ),
        (
            ["tasks.classification={}"],
            "tasks.classification learns label or labels, which no set has a column for; add "
            "data.fields.label=COLUMN or data.fields.labels=COLUMN",
        ),
        (
            ["tasks.classification={}", "data.fields.label=a", "data.fields.labels=b"],
            "tasks.classification learns label or labels, but data.fields names both; leave one",
        ),
        (
            ["tasks.question_answering={}"],
            "tasks.question_answering learns answer, which no set has a column for; add data.f",
        ),
        (
            ["tasks.regression={}", "data.fields.number=a", "model.fusion=null"],
            "tasks.regression reads what is fused of image, text, but model.fusion is not set; set",
        ),
        (
            ["tasks.regression.modality=audio", "data.fields.number=a"],
            "tasks.regression reads the modality audio, but model.encoders has only image, text",
        ),
        (
            ["tasks.captioning={}", "model.encoders.image=null"],
            "tasks.captioning needs a modality beside the text to caption, but model.encoders has",
        ),
        (
            ["tasks.captioning={}", "data.modalities=[image]"],
            "tasks.captioning reads text, but data.modalities says only image",
        ),
        (
            ["tasks.answer_generation={}"],
            "tasks.answer_generation learns answer, which no set has a column for; add data.f",
        ),
        (["data.classes=[a, b]"], "data.classes names classes, but no set has a column for them"),
        (["data.answers=5"], "data.answers=5 limits answers, but no set has a column for them"),
        (
            ["tasks={}"],
            f"tasks: expected at least one of {', '.join(TASKS)}, got none",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(path, overrides, said):
    assert any(said in line for line in refused(path, *overrides))


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ("a.jsonl", "data.train has no set named 'captoins'; give its sets a name"),
        (
            [{"path": "a", "name": "captions"}, {"path": "b", "name": "questions"}],
            "data.train has no set named 'captoins'; did you mean 'captions'?; "
            "expected captions, questions",
        ),
    ],
)
def test_a_source_that_no_set_is_named_for_is_refused(tmp_path, train, said):
    tree = tiny_tree(tmp_path, steps=5)
    tree["data"]["train"] = train
    path = write_recipe(tmp_path / "mine.yaml", tree)
    assert refused(path, "tasks.matching.sources=[captoins]") == [f"tasks.matching.sources: {said}"]


def test_a_text_to_be_written_is_read_though_nothing_encodes_it(path):
    without = ["model.encoders.text=null", "tasks={captioning: {}}"]
    recipe = load_recipe(path, without)
    assert recipe.data_to_read.modalities == ["image", "text"]


def test_a_source_that_a_set_is_named_for_is_read(tmp_path):
    tree = tiny_tree(tmp_path, steps=5)
    tree["data"]["train"] = {"path": "a.jsonl", "name": "captions"}
    path = write_recipe(tmp_path / "mine.yaml", tree)
    recipe = load_recipe(path, ["tasks.matching.sources=[captions]"])
    assert recipe.tasks.matching.sources == ["captions"]


def test_an_unknown_name_comes_with_the_nearest_shipped_one():
    with pytest.raises(RecipeError, match="no recipe named 'emojy'; did you mean 'emoji'"):
        load_recipe("emojy")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"no recipe file .*none\.yaml"):
        load_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [", "is not YAML"),
        (b"- a\n- b", "expected a mapping of keys, got list"),
        (b"", "expected a mapping of keys, got NoneType"),
        (b"name: \xff", "cannot be read"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    (line,) = refused(path)
    assert said in line


def test_a_recipe_cannot_be_changed_by_accident(path):
    recipe: Recipe = load_recipe(path)
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3
