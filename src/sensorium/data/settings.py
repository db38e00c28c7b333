"""The `data` part of a recipe."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from sensorium.config import Config
from sensorium.data.audio import AudioConfig
from sensorium.data.box_cells import BoxesConfig
from sensorium.data.columns import TARGETS, known_fields, known_modalities
from sensorium.data.image import ImageConfig
from sensorium.data.sources import SourceConfig
from sensorium.data.subtitles import SubtitlesConfig
from sensorium.data.text import TextConfig
from sensorium.data.video import VideoConfig

SPLITS = ("train", "validation", "test")

FORMS = ("(one)", "(several)")
"""Names in pydantic's errors for the two forms of a split; they say nothing to a person."""

Sources = Annotated[
    Annotated[SourceConfig, Tag(FORMS[0])] | Annotated[list[SourceConfig], Tag(FORMS[1])],
    Discriminator(lambda value: FORMS[isinstance(value, list)]),
]


class DataConfig(Config):
    """Where the data lies, what its columns hold, and how it becomes tensors."""

    root: str | None = None
    """Folder that relative paths start from; without it: here, SENSORIUM_DATA, ../shared/data."""
    train: Sources | None = None
    """The set to learn from: a path, or `path: ...`; or a list of such, mixed by weight."""
    validation: Sources | None = None
    """The set watched in training, or a list of such; without it, see `validation_share`."""
    test: Sources | None = None
    """The set for the final figures, or a list of such."""
    validation_share: float = Field(default=0.0, ge=0, lt=1)
    """Without `validation`: the share of training rows held out for it, by seed and row id."""
    fields: dict[str, str | list[str]] | None = None
    """Modality (image, text, audio, video) -> column, or several: one is drawn each time in
    training, and evaluation takes the first that is not empty. What is not said is guessed; []
    says none. A column may hold several modalities, as a video and its sound. And target (label,
    labels, number, answer, question_type, boxes, box, wrong_text, wrong_type) -> column; these are
    never guessed."""
    classes: list[str] | None = None
    """Names of the classes of `label`, `labels` and `boxes`, in the order of their indices, where a
    column holds numbers too; left out, they are learned from the training rows."""
    answers: int | None = Field(default=None, gt=1)
    """Of the answers of the training rows so many are kept as classes, the most frequent; left
    out, all."""
    boxes: BoxesConfig = BoxesConfig()
    """How the cells of `boxes` and `box` are read."""
    modalities: list[str] | None = None
    """Which are read, whatever else is there; by default those that the model has encoders for."""
    required: list[str] | None = None
    """Modalities and targets without which a row is broken; by default all that have a column, but
    of clips cut by subtitles only the video."""
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
        if isinstance(value, list):
            return [{"path": one} if isinstance(one, str) else one for one in value]
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sets_fit(self) -> DataConfig:
        places = self.places("train")
        for split in ("train", "validation", "test"):
            own = self.places(split)
            if getattr(self, split) is not None and not own:
                raise ValueError(f"{split}: expected at least one set, got an empty list")
            if split != "train" and any(place.stream for place in own):
                raise ValueError(f"{split} cannot be streamed: its samples are looked up by number")
            if split != "train" and any(place.group_by for place in own):
                raise ValueError(f"{split} is read in its own order; group_by is for train")
            _check_names(split, [place.name for place in own])
        if any(place.stream for place in places) and any(place.group_by for place in places):
            raise ValueError(
                "group_by cannot gather the rows of a stream, which are read as they come; leave "
                "it out, and write the rows of a group one after the other"
            )
        if self.validation_share and (len(places) > 1 or any(place.stream for place in places)):
            raise ValueError(
                "validation_share holds out rows of one set that is not streamed; give "
                "validation a set of its own"
            )
        return self

    def places(self, split: str) -> list[SourceConfig]:
        """What `train`, `validation` or `test` names: one, several or none."""
        said = getattr(self, split)
        if isinstance(said, list):
            return said
        return [] if said is None else [said]

    @property
    def target_fields(self) -> list[str]:
        """The targets that any set has a column for."""
        said = [self.fields, *(place.fields for split in SPLITS for place in self.places(split))]
        return [name for name in TARGETS if any((fields or {}).get(name) for fields in said)]

    @field_validator("modalities")
    @classmethod
    def _modalities_exist(cls, value: Any) -> Any:
        return known_modalities(value)

    @field_validator("fields", "required")
    @classmethod
    def _fields_exist(cls, value: Any) -> Any:
        return known_fields(value)

    @field_validator("classes", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if any(isinstance(one, bool) for one in value):
            raise ValueError('expected names; YAML takes a bare yes or no for a truth: write "yes"')
        return [str(one) if isinstance(one, int) else one for one in value]

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, value: list[str] | None) -> list[str] | None:
        if value is None:
            return None
        names = [name.strip() for name in value]
        if len(names) < 2 or len(set(names)) < len(names) or "" in names:
            raise ValueError("expected at least two names, all different and none empty")
        return names


def _check_names(split: str, names: list[str | None]) -> None:
    """Raises `ValueError` unless all sets of a list have names of their own, or none has one."""
    named = [name for name in names if name is not None]
    if named and len(named) < len(names):
        number = names.index(None) + 1
        raise ValueError(
            f"{split}: expected names of all sets of a list or of none, but set {number} of "
            f"{len(names)} has none; give it a name too"
        )
    for name in named:
        if named.count(name) > 1:
            raise ValueError(f"{split}: two sets have the name {name!r}; give each its own")
