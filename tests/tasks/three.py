"""A model and a batch of three modalities: pictures, words, and a second kind of pictures.

The third is called audio and is encoded like a picture: what tasks do with a pair does not depend
on what its modalities are.
"""

from tests.conftest import FUSION_CONFIGS, IMAGE_SIZE, small_batch, small_model, small_model_config

from sensorium.batch import Batch
from sensorium.encoders import ImageEncoder
from sensorium.fusion import FUSIONS
from sensorium.model import Model


def model_of_three(fusion: str = "cross_attention") -> Model:
    two = small_model()
    config = small_model_config().encoders.image
    assert config is not None
    encoders = {**dict(two.encoders.items()), "audio": ImageEncoder(config, IMAGE_SIZE)}
    widths = {modality: encoder.width for modality, encoder in encoders.items()}
    return Model(encoders, FUSIONS[fusion](FUSION_CONFIGS[fusion], widths))


def batch_of_three(
    samples: int = 5,
    *,
    image: list[bool] | None = None,
    text: list[bool] | None = None,
    audio: list[bool] | None = None,
    seed: int = 0,
) -> Batch:
    """Random pictures, texts and sounds; lists say who has them."""
    batch = small_batch(samples, image=image, text=text, seed=seed)
    sounds = small_batch(samples, image=audio, seed=seed + 1000).inputs["image"]
    return Batch(batch.ids, {**batch.inputs, "audio": sounds})
