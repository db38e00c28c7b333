from pathlib import Path

import pytest
from tests.conftest import small_mixture

from sensorium.data import DataConfig, TextConfig, Tokenizer
from sensorium.deployment.trained import Trained
from sensorium.verbs.examples import examples_of
from sensorium.world.build import WorldConfig, build_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "world"
    build_world(folder, WorldConfig(train=1, validation=3, test=1, modalities=("image", "text")))
    return folder


def answering(data: dict[str, object]) -> Trained:
    """An untrained model of pictures and questions."""
    mixture = small_mixture("question_answering")
    tokenizer = Tokenizer.train(["how many"], TextConfig(vocabulary=300))
    return Trained(Path(), "asked", mixture, tokenizer, DataConfig.model_validate(data), {})


def test_examples_are_rows_as_the_recipe_reads_them(world):
    fields = {"text": "question", "answer": "answer"}
    judged = {"path": "validation.jsonl", "each": "questions", "fields": fields}
    examples = examples_of(
        answering({"root": str(world), "fields": {"image": "file_name"}, "validation": judged})
    )
    assert len(examples) == 8
    assert all(example.values["text"].endswith("?") for example in examples)
    assert (examples[0].id, examples[0].files) == ("validation.jsonl:1/1", {"image": "00000.png"})


def test_where_the_data_is_gone_the_world_is_asked_the_same(tmp_path):
    examples = examples_of(answering({"root": str(tmp_path), "test": "gone.jsonl"}))
    assert len(examples) == 8
    for example in examples:
        assert example.values["image"].startswith(b"\x89PNG")
        assert example.values["text"].endswith("?")
