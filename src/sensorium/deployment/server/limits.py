"""What a client may ask of the server, and how long anything may take."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import Field, model_validator

from sensorium.config import Config
from sensorium.data import DataConfig

MOST_INPUTS = 4096
"""No limit of a server is beyond this; a longer list is not even built."""


class Limits(Config):
    """Bounds on requests, on what waits, and on time. What is beyond them is refused, each with a
    status of its own; together they bound the memory of the process."""

    request_megabytes: float = Field(default=32.0, gt=0)
    """A request with a longer body is refused (413) before it is read, or while it is."""
    reading_megabytes: float = Field(default=256.0, gt=0)
    """All bodies that are held at a time; what does not fit is told to come back (429)."""
    inputs: int = Field(default=64, ge=1, le=MOST_INPUTS)
    """Inputs of one request; more of them are refused (413)."""
    text_characters: int = Field(default=20_000, ge=1)
    """Of one text; a longer one is refused (422)."""
    pixels: int = Field(default=32_000_000, ge=1)
    """Of a picture or a video's frame, as its header says; refused (422) before it is decoded."""
    seconds: float = Field(default=600.0, gt=0)
    """Of a sound or a video; a longer one is refused (422)."""
    queue: int = Field(default=256, ge=1)
    """Inputs that wait for the model, at most; while it is full, requests are told to come back
    (429)."""
    batch: int = Field(default=32, ge=1)
    """Inputs that go through the model together, at most; 1 gives each a pass of its own."""
    batch_wait_milliseconds: float = Field(default=0.0, ge=0)
    """How long an idle model waits for company for its first input. Inputs that come while it is at
    work are gathered in any case, so that 0 is a good value but for a model on a GPU."""
    deadline_seconds: float = Field(default=30.0, gt=0)
    """A request that is not answered by then gets 504, and its inputs leave the queue; a client may
    ask for less with `deadline_ms`."""
    header_seconds: float = Field(default=10.0, gt=0)
    """A connection on which no whole head of a request has come for so long is closed (408)."""
    body_seconds: float = Field(default=30.0, gt=0)
    """A body has to come within this (408)."""
    keep_alive_seconds: float = Field(default=5.0, gt=0)
    """An idle connection is kept so long for its next request."""
    drain_seconds: float = Field(default=30.0, gt=0)
    """After SIGTERM, what is under way may take so long."""
    connections: int = Field(default=1024, ge=1)
    """Open at a time; one more is told to come back (503) and closed."""
    decoders: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads that decode inputs."""

    @model_validator(mode="after")
    def _inputs_fit(self) -> Limits:
        if self.inputs > self.queue:
            raise ValueError(
                f"inputs={self.inputs} of one request would never fit into queue={self.queue}"
            )
        return self

    @property
    def request_bytes(self) -> int:
        return round(self.request_megabytes * 1e6)

    @property
    def reading_bytes(self) -> int:
        return round(self.reading_megabytes * 1e6)

    def told(self) -> dict[str, float]:
        """What a client may want to know."""
        names = ("request_megabytes", "inputs", "text_characters", "pixels", "seconds")
        return {name: getattr(self, name) for name in (*names, "deadline_seconds")}

    def for_data(self, data: DataConfig) -> DataConfig:
        """The settings of a run, whose decoders refuse what is beyond these limits, too."""
        image, audio, video = data.image, data.audio, data.video
        pixels, seconds = {"max_pixels": self.pixels}, {"max_seconds": self.seconds}
        return data.model_copy(
            update={
                "image": image.model_copy(update=_lower(image, pixels)),
                "audio": audio.model_copy(update=_lower(audio, seconds)),
                "video": video.model_copy(update=_lower(video, pixels | seconds)),
            }
        )


def _lower(settings: Config, limits: Mapping[str, float]) -> dict[str, float]:
    return {name: min(getattr(settings, name), limit) for name, limit in limits.items()}
