"""The `data` part of a recipe."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pydantic import Field, field_validator

from sensorium.config import Config
from sensorium.data.audio import AudioConfig
from sensorium.data.columns import NAMES
from sensorium.data.image import ImageConfig
from sensorium.data.sources import SourceConfig
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.data.text import TextConfig
from sensorium.data.video import VideoConfig


class DataConfig(Config):
    """Where the data lies, what its columns hold, and how it becomes tensors."""

    root: str | None = None
    """Folder that relative paths start from; without it: here, SENSORIUM_DATA, ../shared/data."""
    train: SourceConfig | None = None
    """The set to learn from: a path, or `path: ...`."""
    validation: SourceConfig | None = None
    """The set watched in training; without it, see `validation_share`."""
    test: SourceConfig | None = None
    """The set for the final figures."""
    validation_share: float = Field(default=0.0, ge=0, lt=1)
    """Without `validation`: the share of training rows held out for it, by seed and row id."""
    fields: dict[str, str | list[str]] | None = None
    """Modality (image, text, audio, video) -> column, or several: one is drawn each time in
    training, and evaluation takes the first that is not empty. What is not said is guessed; []
    says none. A column may hold several modalities, as a video and its sound."""
    modalities: list[str] | None = None
    """Which are read, whatever else is there; by default those that the model has encoders for."""
    required: list[str] | None = None
    """Modalities without which a row is broken; by default all that have a column, but of clips cut
    by subtitles only the video."""
    image: ImageConfig = ImageConfig()
    """How pictures are brought to one size and changed at random."""
    text: TextConfig = TextConfig()
    """How text becomes tokens."""
    audio: AudioConfig = AudioConfig()
    """How sounds become spectrograms and are changed at random."""
    video: VideoConfig = VideoConfig()
    """Which frames of videos are taken, brought to one size and changed at random."""
    subtitles: SubtitlesConfig = SubtitlesConfig()
    """How the subtitles of videos become clips with texts, where a source is videos."""
    workers: int = Field(default=0, ge=0)
    """Processes that prepare batches; 0 prepares them in the training process."""
    size_window_batches: int = Field(default=16, ge=1)
    """Where samples differ in size (`image.fit: native`), so many batches at a time of the shuffled
    samples are made of alike ones, so that less is padded; 1 leaves it to chance."""
    cache_megabytes: int = Field(default=1024, ge=0)
    """Sets that fit in this once decoded are decoded before the first step, and only then."""
    failure_budget: float = Field(default=0.01, ge=0, le=1)
    """Share of all rows that may be broken before the run stops."""

    @field_validator("train", "validation", "test", mode="before")
    @classmethod
    def _path_is_enough(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("fields", "modalities", "required")
    @classmethod
    def _modalities_exist(cls, value: Any) -> Any:
        for name in value or ():
            if name not in NAMES:
                close = get_close_matches(name, NAMES, n=1)
                nearest = f"; did you mean {close[0]!r}?" if close else ""
                raise ValueError(
                    f"expected modalities of {', '.join(NAMES)}, got {name!r}{nearest}"
                )
        return value
