"""Files enter - pictures, sounds, captions, manifests that pair them - and `Batch`es leave."""

from sensorium.data.audio import AudioConfig, decode_audio
from sensorium.data.augment import AugmentConfig, augment
from sensorium.data.collate import collate
from sensorium.data.dataset import Dataset
from sensorium.data.image import ImageConfig, decode_image
from sensorium.data.loader import Loader
from sensorium.data.locate import PUBLIC_SETS, resolve
from sensorium.data.mixing import Mixed
from sensorium.data.modalities import MODALITIES, Modality, build_modalities
from sensorium.data.quarantine import Broken, BrokenSample, Quarantine
from sensorium.data.reader import texts
from sensorium.data.settings import DataConfig
from sensorium.data.sources import Row, Source, SourceConfig, open_source
from sensorium.data.splits import DataSplits, open_dataset, open_splits
from sensorium.data.stream_loader import Streamed, StreamLoader
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.data.targets import TARGETS
from sensorium.data.text import TextConfig, Tokenizer
from sensorium.data.video import VideoConfig, decode_video

__all__ = [
    "MODALITIES",
    "PUBLIC_SETS",
    "TARGETS",
    "AudioConfig",
    "AugmentConfig",
    "Broken",
    "BrokenSample",
    "DataConfig",
    "DataSplits",
    "Dataset",
    "ImageConfig",
    "Loader",
    "Mixed",
    "Modality",
    "Quarantine",
    "Row",
    "Source",
    "SourceConfig",
    "StreamLoader",
    "Streamed",
    "SubtitlesConfig",
    "TextConfig",
    "Tokenizer",
    "VideoConfig",
    "augment",
    "build_modalities",
    "collate",
    "decode_audio",
    "decode_image",
    "decode_video",
    "open_dataset",
    "open_source",
    "open_splits",
    "resolve",
    "texts",
]
