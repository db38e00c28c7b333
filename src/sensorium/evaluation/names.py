"""How figures are called, and told, for people."""

from __future__ import annotations

import re

SHARES = r"recall|accuracy|f1_|r2|precision|explained|exact_match|chance|answers|map|score"
"""In the names of figures that are shares of something, and so read as percentages."""


def spoken(name: str) -> str:
    """A figure's name for people: `contrastive/image_to_text` is `contrastive, image → text`."""
    name = name.replace("accuracy_hard_of_", "hard_pairs/").replace("accuracy_hard", "hard_pairs")
    return name.replace("/", ", ").replace("_to_", " → ").replace("_", " ")


def direction_in_words(name: str) -> str:
    """`contrastive/image_to_text` is `image → text`; with `matching/reranked_`, `, re-ranked`."""
    direction = name.rpartition("/")[2]
    plain = direction.removeprefix("reranked_")
    return spoken(plain) + (", re-ranked" if plain != direction else "")


def is_share(name: str) -> bool:
    """Whether people read a figure of this name as a percentage."""
    what = name.rpartition("/")[2]
    return re.search(SHARES, what) is not None and "calibration" not in what
