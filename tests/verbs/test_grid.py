"""What is compared, and that it is compared on equal terms."""

import pytest
from tests.pairs import tiny_tree

from sensorium.errors import RecipeError
from sensorium.recipe import Recipe
from sensorium.verbs.budget import Budget
from sensorium.verbs.grid import make_grid, read_axes, short_keys


@pytest.fixture
def recipe(tmp_path) -> Recipe:
    return Recipe.model_validate(tiny_tree(tmp_path, steps=100))


def grid_of(recipe, *overrides, budget=None, **over):
    axes = {key.replace("__", "."): values for key, values in over.items()}
    return make_grid(recipe, overrides, axes, budget)


def test_values_are_read_as_yaml_writes_them():
    axes = read_axes(
        ["fusion=sum, gated", "model.fusion.depth=1,2", "data.text.lowercase=true,false"]
    )
    assert axes == {
        "fusion": ["sum", "gated"],
        "model.fusion.depth": [1, 2],
        "data.text.lowercase": [True, False],
    }
    assert read_axes(["fusion={name: sum, width: 8},gated,null"]) == {
        "fusion": [{"name": "sum", "width": 8}, "gated", None]
    }


@pytest.mark.parametrize("said", ["fusion", "fusion=", "=sum", "fusion={name: sum"])
def test_an_axis_that_is_none_is_refused(said):
    with pytest.raises(RecipeError, match="expected key=value,value, as in fusion=sum,gated"):
        read_axes([said])


def test_a_key_twice_is_refused():
    with pytest.raises(RecipeError, match="--over fusion: given twice"):
        read_axes(["fusion=sum", "fusion=gated"])


def test_every_combination_is_a_variant(recipe):
    grid = grid_of(recipe, train__learning_rate=[1e-3, 1e-2], model__fusion__depth=[1, 2])
    assert [variant.name for variant in grid.variants] == [
        "learning_rate=0.001, depth=1",
        "learning_rate=0.001, depth=2",
        "learning_rate=0.01, depth=1",
        "learning_rate=0.01, depth=2",
    ]
    assert grid.variants[1].folder == "learning_rate=0.001,depth=2"
    assert grid.variants[3].recipe.train.learning_rate == 0.01
    assert grid.variants[3].recipe.model.fusion.depth == 2


def test_one_axis_needs_no_name_in_front(recipe):
    grid = grid_of(recipe, model__encoders__image__width=[16, 32])
    assert [variant.name for variant in grid.variants] == ["16", "32"]
    assert [variant.folder for variant in grid.variants] == ["width=16", "width=32"]


def test_short_keys_are_told_apart():
    assert short_keys(["a.image.width", "a.text.width", "train.steps"]) == {
        "a.image.width": "image.width",
        "a.text.width": "text.width",
        "train.steps": "steps",
    }


def test_folders_are_plain_and_all_different(recipe):
    grid = grid_of(recipe, name=["a/b", "a b", "../c"])
    assert [variant.folder for variant in grid.variants] == ["name=a-b", "name=a-b-2", "name=c"]


def test_the_terms_are_equal(recipe):
    grid = grid_of(
        recipe,
        "data.validation_share=0.2",
        "train.validate_every_steps=5",
        "train.best_metric=validation/matching/accuracy",
        train__learning_rate=[1e-3, 1e-2],
    )
    for variant in grid.variants:
        assert variant.recipe.data.test is None
        assert variant.recipe.data.validation_share == 0.2
        assert variant.recipe.train.best_metric is None
        assert variant.recipe.train.validate_every_steps is None
        assert variant.recipe.evaluation.withhold == "subsets"
    assert grid_of(recipe, train__beta2=[0.9, 0.98]).variants[0].recipe.data.validation_share == 0.1


def test_a_validation_set_is_used_where_there_is_one(recipe):
    grid = grid_of(recipe, "data.validation=v.jsonl", train__beta2=[0.9, 0.98])
    assert grid.variants[0].recipe.data.validation_share == 0.0
    assert grid.variants[0].recipe.data.validation.path == "v.jsonl"


@pytest.mark.parametrize("train", ["[a.jsonl, b.jsonl]", "{path: a.jsonl, stream: true}"])
def test_rows_cannot_be_held_out_of_a_stream_or_a_mixture(recipe, train):
    with pytest.raises(RecipeError, match="judged on rows held out of the training set"):
        grid_of(recipe, f"data.train={train}", train__beta2=[0.9, 0.98])
    grid_of(recipe, f"data.train={train}", "data.validation=v.jsonl", train__beta2=[0.9, 0.98])


def test_the_budget_is_a_fifth_of_the_recipes_length_unless_said(recipe):
    rates = {"train__learning_rate": [1e-3, 1e-2]}

    def lengths(*overrides, budget=None, **over):
        grid = grid_of(recipe, *overrides, budget=budget, **(over or rates))
        return [(one.recipe.train.steps, one.recipe.train.epochs) for one in grid.variants]

    assert lengths() == [(20, None)] * 2
    assert lengths("train.steps=7") == [(7, None)] * 2
    assert lengths(budget=Budget(3, "epochs")) == [(None, 3.0)] * 2
    assert lengths(train__steps=[3, 5]) == [(3, None), (5, None)]
    with pytest.raises(RecipeError, match="are said already; leave out --budget"):
        lengths("train.steps=7", budget=Budget(3, "epochs"))


def test_a_task_that_some_variant_cannot_learn_is_left_out_of_all(recipe):
    grid = grid_of(recipe, fusion=["gated", "cross_attention"])
    assert list(grid.left_out) == ["masked_language"]
    assert "model.fusion.name=gated gives only a vector" in grid.left_out["masked_language"]
    for variant in grid.variants:
        assert list(variant.recipe.tasks.chosen()) == ["contrastive", "matching"]
    assert grid_of(recipe, fusion=["bottleneck", "cross_attention"]).left_out == {}
    assert list(grid_of(recipe, fusion=["gated", "sum"]).left_out) == ["masked_language"]


def test_a_model_without_fusion_may_be_compared_too(recipe):
    grid = grid_of(recipe, fusion=[None, "cross_attention"])
    assert set(grid.left_out) == {"matching", "masked_language"}
    assert [variant.name for variant in grid.variants] == ["null", "cross_attention"]


def test_an_axis_may_say_what_the_recipe_leaves_open(recipe):
    grid = grid_of(recipe, "train.steps=null", train__epochs=[1, 2])
    assert [variant.recipe.train.epochs for variant in grid.variants] == [1, 2]


def test_nothing_left_to_learn_is_refused_with_the_reasons(recipe):
    with pytest.raises(RecipeError, match=r"no task in common.*\n.*matching reads what is fused"):
        grid_of(recipe, "tasks.contrastive=null", model__fusion=[None, "cross_attention"])


def test_what_no_variant_can_learn_is_the_recipes_own_mistake(recipe):
    with pytest.raises(RecipeError, match=r"tasks.contrastive needs the modality audio"):
        grid_of(
            recipe, "tasks.contrastive.pairs=[[image, audio]]", train__learning_rate=[1e-3, 1e-2]
        )


def test_settings_of_the_fusion_hold_for_every_one_that_has_them(recipe):
    grid = grid_of(recipe, fusion=["gated", "perceiver", {"name": "perceiver", "latents": 3}])
    gated, perceiver, own = (variant.recipe.model.fusion for variant in grid.variants)
    assert gated.width == perceiver.width == 16
    assert (perceiver.depth, perceiver.heads, perceiver.dropout) == (1, 2, 0.1)
    assert (own.latents, own.width) == (3, 192), "what is written out stands for itself"
    assert grid.variants[2].name == "perceiver latents 3"
    assert grid.kept["width"] == 16
    assert grid.of_fusions


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "nothing to compare: give two values or more"),
        ({"fusion": ["cross_attention"]}, "nothing to compare"),
        ({"train.beta2": [0.9, 0.9]}, "--over train.beta2: 0.9 is named twice"),
        ({"fusion": ["x"], "model.fusion": ["y"]}, "--over model.fusion: given twice"),
        ({"seed": [1, 2]}, "every variant has several seeds; give --seeds"),
        ({"train.beta3": [1, 2]}, r"tiny, 1: train.beta3: no such key; did you mean 'beta2'"),
        ({"train.beta2": [0.9, 7]}, r"tiny, 7: train.beta2: input should be less than 1; got 7"),
    ],
)
def test_what_cannot_be_compared_is_refused(recipe, over, said):
    with pytest.raises(RecipeError, match=said):
        make_grid(recipe, [], over, None)


@pytest.mark.parametrize(
    ("said", "amount", "unit"),
    [
        ("300 steps", 300, "steps"),
        ("1step", 1, "steps"),
        ("0.5 epochs", 0.5, "epochs"),
        ("2 min", 2, "minutes"),
        (" 20 % ", 20, "%"),
    ],
)
def test_budgets_as_people_write_them(said, amount, unit):
    assert Budget.read(said) == Budget(amount, unit)


@pytest.mark.parametrize("said", ["", "5", "steps", "-3 steps", "0 epochs", "5 hours", "1e3 steps"])
def test_other_budgets_are_refused(said):
    with pytest.raises(RecipeError, match="expected a number with its unit, as in '300 steps'"):
        Budget.read(said)


def test_a_budget_in_words():
    assert str(Budget(1, "epochs")) == "1 epoch"
    assert str(Budget(2.5, "minutes")) == "2.5 minutes"
    assert Budget(20, "%").told == "20% of the recipe's length"
    assert Budget(50, "%").length({"epochs": 3}) == {"steps": None, "epochs": 1.5}
    assert Budget(2, "minutes").length({}, 0.5) == {"steps": 240, "epochs": None}
