"""A look at a text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np

from sensorium.data.check.look import Fact, Likeness, Look, Suspicion, content_hash

GARBLED = re.compile("\ufffd|Ã[\x80-¿]|â€[\x80-\u2122]?|Â[\xa0-¿]|ï¿½")
"""What is left of UTF-8 that was read as Latin-1, or of bytes that could not be read."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

NO_SIGNATURE = np.zeros(0, np.uint8)

SCRIPTS = {"CJK": "Han", "IDEOGRAPHIC": "Han", "MATHEMATICAL": "Latin", "FEMININE": "Latin"}
"""First word of a letter's Unicode name -> its script, where the word itself is not its name."""


def look_at_text(text: str) -> Look:
    """Measure a text, and name the scripts of its letters."""
    found = sorted({script for letter in set(text) if (script := script_of(letter))})
    facts: dict[str, Fact] = {"characters": len(text), "script": found or ["no letters"]}
    same = Likeness(content_hash(normal_form(text).encode("utf-8")), NO_SIGNATURE)
    return Look(facts, content_hash(text.encode("utf-8")), _suspicions(text), same)


def normal_form(text: str) -> str:
    """A text without case, width, spaces and signs: what is left of two spellings of the same."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(one for one in folded if unicodedata.category(one)[0] in "LMN")
    return kept or folded.strip()


@lru_cache(maxsize=1 << 14)
def script_of(letter: str) -> str | None:
    """The script that a letter is of; `Emoji` for a pictograph; None for digits, signs, spaces."""
    category = unicodedata.category(letter)
    if category == "So" and ord(letter) >= 0x2600:
        return "Emoji"
    if not category.startswith("L"):
        return None
    if "\u2100" <= letter <= "\u214f":
        return "Latin"  # letters that are signs, as in ℃ and ℹ
    words = unicodedata.name(letter, "UNKNOWN").split()
    first = words[1] if words[0] in ("FULLWIDTH", "HALFWIDTH") and len(words) > 1 else words[0]
    return SCRIPTS.get(first, first.partition("-")[0].capitalize())


def _suspicions(text: str) -> list[Suspicion]:
    if found := GARBLED.search(text) or CONTROL.search(text):
        return [Suspicion("garbled caption", f"{found[0]!r} at character {found.start() + 1}")]
    return []
