"""The data part of a recipe."""

import pytest
from pydantic import ValidationError

from sensorium.data import DataConfig, SourceConfig


def test_a_path_is_enough_for_a_source() -> None:
    config = DataConfig.model_validate({"train": "a.jsonl", "test": {"path": "b"}})
    assert config.train == SourceConfig(path="a.jsonl")
    assert config.test == SourceConfig(path="b")
    assert DataConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize("settings", [{"fields": {"imgae": "a"}}, {"required": ["imgae"]}])
def test_modalities_have_to_exist(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="got 'imgae'; did you mean 'image'"):
        DataConfig.model_validate(settings)


def test_every_field_has_a_help_text() -> None:
    assert all(field.description for field in DataConfig.model_fields.values())
