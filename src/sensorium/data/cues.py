"""Lines of subtitles -> what was said and when: plain words, one cue at a time, of a useful length.

markup off -> notes of sound off -> lines still shown off -> overlaps off -> joined
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pysubs2 import SSAEvent

TOGETHER_SECONDS = 0.25
"""Cues that begin this near to each other are one: two people speak, or a line has two halves."""

SHORTEST_SECONDS = 0.1
"""A cue of less shows nothing to anybody."""

PAUSE_SECONDS = 1.5
"""Cues with a longer pause between them are never joined."""

TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
BRACKETS = re.compile(r"\[[^\[\]]*\]|【[^【】]*】")
PARENTHESES = re.compile(r"\([^()]*\)|（[^（）]*）")
MUSIC = re.compile("[♩♪♫♬♭♮♯🎵🎶🎼]")
SPEAKER_CHANGES = re.compile(r"^(?:>>+|[-–—‐](?=[^\d\s]|\s)|:)\s*")


@dataclass(frozen=True)
class Cue:
    """Some words and when they are shown, in seconds from the begin of the file."""

    start_seconds: float
    end_seconds: float
    text: str


def cleaned(cues: Iterable[Cue]) -> list[Cue]:
    """Cues in their order, one at a time, each with words of its own.

    Args:
        cues: their texts with the markup of ASS events, to which FFmpeg brings all formats.
    """
    shown = [(cue, _lines(cue.text)) for cue in cues if cue.end_seconds > cue.start_seconds]
    shown.sort(key=lambda pair: (pair[0].start_seconds, pair[0].end_seconds))
    kept: list[Cue] = []
    before: list[str] = []
    for cue, lines in shown:
        last = kept[-1] if kept else None
        touches = last is not None and cue.start_seconds <= last.end_seconds + SHORTEST_SECONDS
        new = [line for line in lines if not (touches and line in before)]
        if last is not None and touches and lines and not new:  # the same words go on
            kept[-1] = replace(last, end_seconds=max(last.end_seconds, cue.end_seconds))
        elif last is not None and new and cue.start_seconds - last.start_seconds < TOGETHER_SECONDS:
            end = max(last.end_seconds, cue.end_seconds)
            kept[-1] = Cue(last.start_seconds, end, " ".join([last.text, *new]))
            lines = before + new
        elif new:
            if last is not None:
                end = min(last.end_seconds, cue.start_seconds)
                kept[-1] = replace(last, end_seconds=end)
            kept.append(replace(cue, text=" ".join(new)))
        before = lines or before
    return [cue for cue in kept if cue.end_seconds - cue.start_seconds >= SHORTEST_SECONDS]


def joined(cues: Sequence[Cue], seconds: float) -> list[Cue]:
    """Cues that follow each other as one, as long as that is not longer than `seconds`."""
    result: list[Cue] = []
    for cue in cues:
        last = result[-1] if result else None
        if (
            last is not None
            and cue.start_seconds - last.end_seconds <= PAUSE_SECONDS
            and cue.end_seconds - last.start_seconds <= seconds
        ):
            text = f"{last.text} {cue.text}"
            result[-1] = Cue(last.start_seconds, cue.end_seconds, text)
        else:
            result.append(cue)
    return result


def _lines(markup: str) -> list[str]:
    """The lines that have words in them."""
    event = SSAEvent(text=markup)
    if event.is_drawing:
        return []
    text = TAG.sub("", html.unescape(event.plaintext)).replace("\xa0", " ")
    return [line for raw in text.splitlines() if (line := _words(raw))]


def _words(line: str) -> str:
    """The line without notes of sounds, as in `[Music]`, and without signs of who speaks."""
    sung = bool(MUSIC.search(line))
    line = BRACKETS.sub(" ", MUSIC.sub(" ", line)).strip()
    if PARENTHESES.fullmatch(line) or (sung and line.casefold().strip(" .") == "music"):
        return ""
    line = " ".join(SPEAKER_CHANGES.sub("", line).split())
    return line if any(character.isalnum() for character in line) else ""
