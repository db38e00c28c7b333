"""Who is told what while a verb works: the command line prints it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who listens to anything but training does without it
    from sensorium.training.log import Progress, ValidationCallback


def _ignore(*said: object) -> None:
    pass


@dataclass(frozen=True)
class Listeners:
    """Callbacks of a verb.

    Attributes:
        on_note: a sentence for people: what was guessed, what was left out.
        on_training: progress of the training loop.
        on_validation: (step, steps in all, figures) of every validation on the way.
        on_work: (what, done, of how many) of anything else that takes time.
    """

    on_note: Callable[[str], None] = _ignore
    on_training: Callable[[Progress], None] = _ignore
    on_validation: ValidationCallback = _ignore
    on_work: Callable[[str, int, int], None] = _ignore

    def each_note_once(self) -> Callable[[str], None]:
        """Passes on every note once: of the data, all runs of a comparison say the same."""
        passed_on: set[str] = set()

        def note(sentence: str) -> None:
            if sentence not in passed_on:
                passed_on.add(sentence)
                self.on_note(sentence)

        return note
