"""Says what happens while it happens: one cue for each object that moves or sounds."""

from dataclasses import dataclass

from sensorium.world.captions import ENGLISH
from sensorium.world.scene import SLOT_SECONDS, Object, Scene


@dataclass(frozen=True)
class Cue:
    """A line and its time in seconds, as long as the object's slot."""

    start: float
    end: float
    text: str


def cues_of(scene: Scene) -> list[Cue]:
    """The lines, in their order in time."""
    events = [thing for thing in scene.objects if thing.act.moves or thing.act.sounds]
    return [
        Cue(thing.act.start, thing.act.start + SLOT_SECONDS, _line(thing))
        for thing in sorted(events, key=lambda thing: thing.act.slot)
    ]


def as_subrip(cues: list[Cue]) -> str:
    """The text of an `.srt` file."""
    return "\n".join(
        f"{number}\n{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    )


def _line(thing: Object) -> str:
    did = []
    if thing.act.moves:
        did.append(thing.act.motion.verb)
    if thing.act.sounds:
        did.append("sounds")
    return f"{ENGLISH.noun_phrase(thing)} {' and '.join(did)}"


def _clock(seconds: float) -> str:
    """As in 00:00:01,500."""
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, rest = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d},{rest:03d}"
