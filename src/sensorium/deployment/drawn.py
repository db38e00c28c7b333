"""Answers that are places, drawn on the pictures that they are about: a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sensorium.data.marked import Mark, MarkedPicture, marked_picture
from sensorium.data.quarantine import BrokenSample
from sensorium.page import write_page

PICTURES = 100
"""Pictures of a page, the first."""


def write_drawn(
    path: Path,
    title: str,
    answers: Sequence[dict[str, Any]],
    picture_of: Callable[[int], bytes | None],
    classes: Sequence[str] = (),
) -> int:
    """Write a page with the first pictures and what was found on each; how many it shows.

    Args:
        path: the page.
        title: of it.
        answers: as a predictor gives them; what is no place on a picture is left out.
        picture_of: number of an answer -> the bytes of its picture file, None where it has none.
        classes: in the order of their colours; others follow as they come.
    """
    colours = {name: number for number, name in enumerate(classes)}
    drawn: list[MarkedPicture] = []
    for number, answer in enumerate(answers):
        marks = marks_of(answer, colours)
        if marks is None or len(drawn) == PICTURES:
            continue
        try:
            picture = picture_of(number)
            words = str(answer.get("id", ""))
            drawn += [] if picture is None else [marked_picture(picture, marks, words)]
        except BrokenSample:
            continue  # its answer says so
    write_page(path, "deployment/drawn.html.jinja", title=title, drawn=drawn, answers=len(answers))
    return len(drawn)


def marks_of(answer: dict[str, Any], colours: dict[str, int]) -> list[Mark] | None:
    """What an answer says of places; None where it says nothing of them.

    Args:
        answer: of a predictor.
        colours: class -> colour; new classes get the next.
    """
    marks: list[Mark] | None = None
    detection, grounding = answer.get("detection"), answer.get("grounding")
    if detection is not None:
        found = (detection[key] for key in ("boxes", "labels", "scores"))
        marks = [
            Mark(box, label, colours.setdefault(label, len(colours)), score)
            for box, label, score in zip(*found, strict=True)
        ]
    if grounding is not None:
        mark = Mark(grounding["box"], "meant", len(colours), grounding["score"])
        marks = [*(marks or []), mark]
    return marks
