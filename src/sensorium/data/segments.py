"""A stretch of a video, drawn once for a row, so that its picture and sound stay in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from sensorium.data.cells import Medium
from sensorium.data.film import open_film
from sensorium.data.quarantine import BrokenSample
from sensorium.data.video import VideoConfig, part_of


class Segment:
    """The stretch of one row in one epoch.

    Args:
        candidates: of the row, by modality.
        draw: decides where the stretch lies; None takes the middle.
    """

    def __init__(
        self, candidates: Mapping[str, Sequence[Any]], config: VideoConfig, draw: Random | None
    ) -> None:
        self._seconds = config.segment_seconds
        self._place = 0.5 if draw is None else draw.random()
        self._films = [film.content for film in candidates.get("video", ())]

    def of(self, modality: str, candidate: Any) -> Any:
        """The stretch of a video, or of a sound that is a video's own; else the candidate itself.

        Raises:
            BrokenSample: how long the video is cannot be found out.
        """
        if modality == "video" or (modality == "audio" and candidate.content in self._films):
            return self._narrowed(candidate)
        return candidate

    def _narrowed(self, medium: Medium) -> Medium:
        try:
            with open_film(medium.content) as film:
                start, end = part_of(film, medium.start_seconds, medium.end_seconds)
        except BrokenSample as error:
            raise BrokenSample(f"{medium.name}: {error}") from error
        length = min(self._seconds, end - start)
        first = start + self._place * (end - start - length)
        return replace(medium, start_seconds=first, end_seconds=first + length)
