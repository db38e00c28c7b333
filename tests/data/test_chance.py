import pytest

from sensorium.data import DataConfig
from sensorium.data.chance import STILL, chance
from sensorium.recipe import apply_overrides

MODALITIES = ("image", "text", "audio", "video")


def config(*overrides: str) -> DataConfig:
    tree: dict = {"data": {}}
    apply_overrides(tree, overrides)
    return DataConfig.model_validate(tree["data"])


def test_what_it_says_leaves_nothing_to_chance():
    changing = [
        "data.image.augment={flip: 0.5, scale: [0.5, 1], randaugment_operations: 2}",
        "data.video.sampling=random_segment",
        "data.fields={text: [a, b], image: x}",
    ]
    said = list(chance(config(*changing), MODALITIES))
    for key in (
        "data.image.augment.shift=0",
        "data.image.augment.flip=0",
        "data.image.augment.scale=[1.0, 1.0]",
        "data.audio.augment.time_masks=0",
        "data.video.sampling=uniform",
        "data.fields.text=a",
    ):
        assert key in said
    assert list(chance(config(*changing, *said), MODALITIES)) == []


@pytest.mark.parametrize("modality", ["image", "video", "audio"])
def test_no_kind_of_change_is_missed(modality):
    """What only says how strong a change is, is off with it."""
    strengths = {"randaugment_magnitude", "frequency_mask_share", "time_mask_share"}
    changes = set(type(getattr(config(), modality).augment).model_fields) - strengths
    assert changes == STILL[modality].keys()


def test_only_what_the_model_sees_counts():
    assert {key.split(".")[1] for key in chance(config(), ["audio"])} == {"audio"}
    assert list(chance(config(), ["text"])) == []


@pytest.mark.parametrize("override", ["data.train=[{path: a, fields: {text: [x, y]}}, {path: b}]"])
def test_columns_of_one_set_of_several_count_too(override):
    assert list(chance(config(override), ["text"])) == ["data.fields.text=x"]
