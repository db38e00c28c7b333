"""Draw `tasks.svg`: what each task asks of the model, as a small schema.

    python docs/task_pictures.py

As in `fusions.svg`, squares are tokens, bars are vectors, colours are modalities, what is fused is
dark, and what is hidden is hollow. Read upwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fusion_pictures import (
    AUDIO,
    BASE,
    FUSED,
    IMAGE,
    LINE,
    PAPER,
    SHARED,
    TEXT,
    WIDTH,
    Panel,
    sheet,
)

PICTURE = Path(__file__).with_name("pictures") / "tasks.svg"
MIDDLE = WIDTH / 2
SEEN = {(0, 1), (1, 3), (2, 0), (3, 2)}  # patches that are not hidden


def contrastive(panel: Panel) -> None:
    for row in range(5):
        panel.vector(70, 70 + 17 * row, IMAGE, 34)
        panel.bar(122 + 20 * row, 152, 9, 26, TEXT)
        for column in range(5):
            panel.cell(114 + 20 * column, 66 + 17 * row, 16, FUSED if row == column else PAPER)
    panel.label(70, 172, "pictures", colour=LINE)
    panel.label(162, 196, "texts", colour=LINE)


def matching(panel: Panel) -> None:
    fused_pair(panel)
    panel.arrow(MIDDLE, 98, MIDDLE, 78)
    panel.label(MIDDLE, 68, "yes or no", size=13)


def masked_language(panel: Panel) -> None:
    panel.tokens(85, BASE, IMAGE)
    for number in range(4):
        panel.cell(187 + 14 * number, BASE, 12, PAPER if number == 2 else TEXT)
    fusion(panel)
    panel.tokens(85, 108, IMAGE, 4, FUSED)
    panel.tokens(215, 108, TEXT, 4, FUSED)
    panel.arrow(222, 104, 222, 78)
    panel.label(222, 68, "circle", size=13)


def masked_patches(panel: Panel) -> None:
    grid(panel, 70, 140, lambda place: IMAGE if place in SEEN else PAPER)
    panel.arrow(70, 136, 70, 116)
    panel.box(70, 92, 84, "encoder")
    panel.arrow(114, 103, 178, 103)
    panel.box(222, 92, 84, "decoder")
    panel.arrow(222, 118, 222, 136)
    grid(panel, 222, 140, lambda place: IMAGE if place in SEEN else SHARED)
    panel.label(70, 72, "only what is seen", colour=LINE)
    panel.label(222, 72, "all places", colour=LINE)


def classification(panel: Panel) -> None:
    to_h(panel)
    bars(panel, MIDDLE, 92, (12, 38, 8, 18), ("cat", "dog", "emu", "fox"))


def regression(panel: Panel) -> None:
    to_h(panel)
    panel.arrow(MIDDLE, 126, MIDDLE, 100)
    panel.label(MIDDLE, 88, "3.7", size=15)


def question_answering(panel: Panel) -> None:
    asked(panel, "is it a star?")
    fusion(panel)
    panel.arrow(MIDDLE, 128, MIDDLE, 122)
    panel.vector(MIDDLE, 112, FUSED, 60)
    bars(panel, MIDDLE, 80, (8, 32, 12, 20), ("yes", "no", "two", "red"))


def answer_generation(panel: Panel) -> None:
    asked(panel, "where is the star?")
    fusion(panel)
    written(panel, "to the left")


def captioning(panel: Panel) -> None:
    panel.tokens(MIDDLE, BASE, IMAGE, 6)
    panel.arrow(MIDDLE, BASE - 4, MIDDLE, 156)
    panel.box(MIDDLE, 132, 84, "encoder")
    written(panel, "a small red circle")


def detection(panel: Panel) -> None:
    panel.tokens(MIDDLE, BASE, IMAGE, 9)
    panel.arrow(MIDDLE, BASE - 4, MIDDLE, 156)
    places(panel, 58)
    panel.frame(110, 63, 36, 26, "cell")
    panel.frame(146, 98, 44, 44, "dot")


def grounding(panel: Panel) -> None:
    panel.tokens(70, BASE, IMAGE)
    panel.arrow(88, BASE - 4, 118, 156)
    panel.label(210, BASE + 10, "the circle above")
    panel.arrow(196, BASE - 6, 176, 156)
    places(panel, 58)
    panel.frame(146, 63, 44, 36, "meant")


def mixture(panel: Panel) -> None:
    for x, colour in ((70, IMAGE), (150, TEXT), (230, AUDIO)):
        panel.tokens(x, BASE, colour)
        panel.arrow(x, BASE - 4, x, 158)
    panel.box(MIDDLE, 134, 220, "each encoded once")
    for x, weight in ((80, "1.0"), (150, "0.5"), (220, "0.5")):
        panel.arrow(x, 132, x, 118)
        panel.box(x, 94, 54, "task")
        panel.arrow(x, 92, MIDDLE + (x - MIDDLE) * 0.16, 74)
        panel.label(x + (16 if x == MIDDLE else (x - MIDDLE) * 0.3), 86, weight, colour=LINE)
    panel.sign(MIDDLE, 62, "+")


def fused_pair(panel: Panel) -> None:
    """A picture and a text, as one vector."""
    panel.tokens(85, BASE, IMAGE)
    panel.tokens(215, BASE, TEXT)
    fusion(panel)
    panel.arrow(MIDDLE, 128, MIDDLE, 116)
    panel.vector(MIDDLE, 104, FUSED, 60)
    panel.label(MIDDLE + 40, 113, "h")


def fusion(panel: Panel) -> None:
    for x in (85, 215):
        panel.arrow(x, BASE - 4, x, 156)
    panel.box(MIDDLE, 132, 190, "fusion")


def to_h(panel: Panel) -> None:
    """Whatever a sample has, as one vector."""
    for x, colour in ((70, IMAGE), (150, TEXT), (230, AUDIO)):
        panel.vector(x, BASE, colour)
        panel.arrow(x, BASE - 4, MIDDLE + (x - MIDDLE) * 0.2, 148)
    panel.vector(MIDDLE, 134, FUSED, 60)
    panel.label(MIDDLE + 40, 143, "h")


def asked(panel: Panel, question: str) -> None:
    panel.tokens(85, BASE, IMAGE)
    panel.label(215, BASE + 10, question)


def written(panel: Panel, words: str) -> None:
    """A decoder that looks at what is below, and its words."""
    panel.arrow(MIDDLE, 130, MIDDLE, 118)
    panel.box(MIDDLE, 94, 84, "decoder")
    panel.arrow(MIDDLE, 92, MIDDLE, 76)
    panel.label(MIDDLE, 66, words, size=13)


def bars(panel: Panel, x: float, y: float, heights: Sequence[float], names: Sequence[str]) -> None:
    """A probability for each name, on a line at y."""
    for number, (height, name) in enumerate(zip(heights, names, strict=True)):
        place = x + (number - (len(names) - 1) / 2) * 40
        panel.bar(place, y - height, 18, height, FUSED)
        panel.label(place, y + 13, name, size=10, colour=LINE)


def grid(panel: Panel, x: float, y: float, colour: Callable[[tuple[int, int]], str]) -> None:
    """A picture of four times four patches, centred at x."""
    for row in range(4):
        for column in range(4):
            left = x + (column - 2) * 14
            panel.cell(left, y + 14 * row, 12, colour((row, column)))


def places(panel: Panel, y: float) -> None:
    """A picture, and the places on it that say a box."""
    panel.cell(MIDDLE - 45, y, 90, PAPER)
    for row in range(5):
        for column in range(5):
            panel.dot(MIDDLE + 18 * (column - 2), y + 9 + 18 * row)


SCHEMAS: tuple[tuple[str, str, Callable[[Panel], None]], ...] = (
    ("contrastive", "own pairs near, all others apart", contrastive),
    ("matching", "do these two belong together?", matching),
    ("masked_language", "which word is hidden?", masked_language),
    ("masked_image, masked_audio", "what is behind the hidden patches?", masked_patches),
    ("classification", "which class, or which classes?", classification),
    ("regression", "how much?", regression),
    ("question_answering", "which of the known answers?", question_answering),
    ("answer_generation", "the answer in words", answer_generation),
    ("captioning", "what is there, in words", captioning),
    ("detection", "what is where?", detection),
    ("grounding", "where is what the words mean?", grounding),
    ("several at once", "their weighted sum", mixture),
)


if __name__ == "__main__":
    title = "The tasks: what is given below, what is asked for above"
    PICTURE.write_text(sheet(title, SCHEMAS), encoding="utf-8")
    print(f"wrote {PICTURE}")
