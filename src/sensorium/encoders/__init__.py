"""One modality in, tokens and one pooled vector out: x_m -> `Encoding`.

To add a modality, write one file here with its encoder and config, and give it a line in
`ENCODERS` and a field in `EncodersConfig`.
"""

from collections.abc import Callable

from sensorium.config import Config
from sensorium.encoders.audio import AudioEncoder, AudioEncoderConfig
from sensorium.encoders.encoder import Encoder, EncoderConfig
from sensorium.encoders.image import ImageEncoder, ImageEncoderConfig
from sensorium.encoders.text import TextEncoder, TextEncoderConfig
from sensorium.encoders.video import VideoEncoder, VideoEncoderConfig

ENCODERS: dict[str, Callable[..., Encoder]] = {
    "image": ImageEncoder,
    "text": TextEncoder,
    "audio": AudioEncoder,
    "video": VideoEncoder,
}


class EncodersConfig(Config):
    """The encoder of each modality that the model knows; one that is left out is not built."""

    image: ImageEncoderConfig | None = None
    """Pictures."""
    text: TextEncoderConfig | None = None
    """Words."""
    audio: AudioEncoderConfig | None = None
    """Sounds."""
    video: VideoEncoderConfig | None = None
    """Videos."""

    def chosen(self) -> dict[str, EncoderConfig]:
        """Modality -> its config, for those that are set."""
        return {name: config for name in ENCODERS if (config := getattr(self, name)) is not None}


__all__ = [
    "ENCODERS",
    "AudioEncoder",
    "AudioEncoderConfig",
    "Encoder",
    "EncoderConfig",
    "EncodersConfig",
    "ImageEncoder",
    "ImageEncoderConfig",
    "TextEncoder",
    "TextEncoderConfig",
    "VideoEncoder",
    "VideoEncoderConfig",
]
