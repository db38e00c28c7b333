"""Where a search may look: read from a command line, checked against the recipe."""

from pathlib import Path
from typing import Any

import pytest
from tests.pairs import tiny_tree

from sensorium.errors import RecipeError
from sensorium.verbs.space import Choice, Range, make_space, read_search


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, Any]:
    return tiny_tree(tmp_path, steps=4)


def space_of(tree: dict[str, Any], *said: str) -> dict[str, Any]:
    return make_space(read_search(said), tree, "tiny")[0]


def test_ranges_and_choices_are_read(tree):
    space = space_of(
        tree,
        "train.learning_rate=log:1e-4..1e-2",
        "train.weight_decay=0..1",
        "model.encoders.image.depth=1..3",
        "train.batch_size=log:2..64",
        "fusion=concat,gated",
        "tasks.matching.weight=0.5,1,2.0",
        "data.text.lowercase=true,false",
    )
    assert space == {
        "train.learning_rate": Range(1e-4, 1e-2, whole=False, log=True),
        "train.weight_decay": Range(0, 1, whole=False, log=False),
        "model.encoders.image.depth": Range(1, 3, whole=True, log=False),
        "train.batch_size": Range(2, 64, whole=True, log=True),
        "model.fusion": Choice(("concat", "gated")),
        "tasks.matching.weight": Choice((0.5, 1, 2.0)),
        "data.text.lowercase": Choice((True, False)),
    }
    assert str(space["train.learning_rate"]) == "log:0.0001..0.01"
    assert str(space["data.text.lowercase"]) == "true,false"


def test_drawn_numbers_are_short_and_never_leave_the_range():
    rates = Range(1.23456e-4, 9.87654e-3, whole=False, log=True)
    assert rates.value_of(0.001234567) == 0.001235
    assert rates.value_of(1.23456e-4) == 1.235e-4
    assert rates.value_of(9.87654e-3) == 9.87654e-3
    assert Range(2, 6, whole=True, log=False).value_of(5) == 5


def test_the_recipes_own_value_is_known_again():
    fusions = Choice(("concat", {"name": "perceiver", "latents": 4}))
    assert fusions.drawn_as({"name": "concat", "width": 16}) == "concat"
    assert fusions.drawn_as("perceiver") is None
    assert fusions.value_of("perceiver latents 4") == {"name": "perceiver", "latents": 4}
    depths = Range(2, 6, whole=True, log=False)
    assert (depths.drawn_as(4), depths.drawn_as(8), depths.drawn_as(None)) == (4, None, None)


def test_a_task_that_some_value_cannot_learn_is_left_out(tree):
    _, left_out = make_space({"fusion": ["cross_attention", "gated"]}, tree, "tiny")
    assert list(left_out) == ["masked_language"]
    assert tree["tasks"]["masked_language"] is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("train.learning_rate", r"--search 'train.learning_rate': expected key=range or key=va"),
        ("train.learning_rate=0.1", "expected a range, as 2..6, or two values or more"),
        ("train.learning_rate=1e-2..1e-4", "expected two ends the lower one first"),
        ("train.learning_rate=log:0..1", "expected two ends above zero, the lower one first"),
        ("train.learning_rate=log:a..b", "expected numbers at both ends of a range"),
        ("train.learning_rate=-1.0..1.0", r"--search train.learning_rate=-1.0: train.learning_r"),
        ("train.learnin_rate=0.1..1.0", r"no such key; did you mean 'learning_rate'\?"),
        ("model.encoders.image.depth=1.5..3", r"depth=1.5: model.encoders.image.depth: input sh"),
        ("fusion=concat,gatd", r"no fusion named 'gatd'; did you mean 'gated'\?"),
        ("fusion=gated,gated", "a value is named twice"),
        ("seed=1..4", "a seed is not better than others"),
    ],
)
def test_what_is_wrong_is_one_clear_line(tree, said, message):
    with pytest.raises(RecipeError, match=message) as raised:
        space_of(tree, said)
    assert "\n" not in str(raised.value)


def test_a_key_twice_or_nothing_is_refused(tree):
    with pytest.raises(RecipeError, match="--search fusion: given twice"):
        read_search(["fusion=sum,gated", "fusion=concat,gated"])
    with pytest.raises(RecipeError, match=r"--search model.fusion: given twice"):
        space_of(tree, "fusion=sum,gated", "model.fusion=concat,gated")
    with pytest.raises(RecipeError, match="nothing to search"):
        make_space({}, tree, "tiny")
