"""The benchmarks that compare fusions: their recipes, and what they count without any model."""

import json

import pytest
from tests.benchmarks.scripts import BENCHMARKS, load_script

from sensorium import load_recipe
from sensorium.fusion import FUSIONS

RECIPES = [BENCHMARKS / "recipes" / f"{name}.yaml" for name in ("digit-sum", "sort-of-clevr")]


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_takes_every_fusion(recipe, fusion):
    before, after = load_recipe(recipe), load_recipe(recipe, [f"model.fusion={fusion}"])
    assert after.model.fusion.name == fusion
    assert after.model.fusion.width == before.model.fusion.width
    assert after.model.encoders == before.model.encoders
    assert after.train == before.train


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_one_digit_tells_of_the_sum(tmp_path):
    pairs = [(0, 1), (0, 1), (0, 2), (1, 1), (3, 4), (3, 4)]
    rows = [{"written": w, "spoken": s, "sum": str(w + s)} for w, s in pairs]
    figures = load_script("digit_sum.py").blind_figures(write(tmp_path / "test.jsonl", rows))
    assert figures == pytest.approx({"majority": 2 / 6, "picture": 5 / 6, "sound": 5 / 6})


def test_what_a_question_tells_of_its_answer(tmp_path):
    answers = ["left", "left", "right"], ["1", "2", "2", "6"]
    rows = [
        {"kind": kind, "question": "?", "answer": answer}
        for kind, of_kind in zip(("non-relational", "relational"), answers, strict=True)
        for answer in of_kind
    ]
    figures = load_script("sort_of_clevr.py").blind_figures(write(tmp_path / "test.jsonl", rows))
    assert figures == pytest.approx({"non-relational": 2 / 3, "relational": 1 / 2})
