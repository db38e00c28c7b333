"""One modality in, tokens and one pooled vector out: x_m -> `Encoding`.

To add a modality, write one file here with its encoder and config, and give it a line in
`ENCODERS` and a field in `EncodersConfig`.
"""

from sensorium.config import Config
from sensorium.encoders.encoder import Encoder
from sensorium.encoders.image import ImageEncoder, ImageEncoderConfig
from sensorium.encoders.text import TextEncoder, TextEncoderConfig

ENCODERS: dict[str, type[Encoder]] = {"image": ImageEncoder, "text": TextEncoder}


class EncodersConfig(Config):
    """The encoder of each modality that the model knows; one that is left out is not built."""

    image: ImageEncoderConfig | None = None
    """Pictures."""
    text: TextEncoderConfig | None = None
    """Words."""

    def chosen(self) -> dict[str, ImageEncoderConfig | TextEncoderConfig]:
        """Modality -> its config, for those that are set."""
        return {name: config for name in ENCODERS if (config := getattr(self, name)) is not None}


__all__ = [
    "ENCODERS",
    "Encoder",
    "EncodersConfig",
    "ImageEncoder",
    "ImageEncoderConfig",
    "TextEncoder",
    "TextEncoderConfig",
]
