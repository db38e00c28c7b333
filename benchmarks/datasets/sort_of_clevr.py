"""Draw Sort-of-CLEVR: six coloured objects in each picture, ten questions about one of them, ten
about how they lie to each other.

    python benchmarks/datasets/sort_of_clevr.py OUT_DIR

The authors published the recipe of the set, not its files. From it: 75x75 pixels; six objects, told
apart by their colours, each a square or a circle by chance; 9,800 pictures to learn from, of which
the last 200 are for validation here, and 200 for the test; for each picture ten non-relational
questions (the shape of an object; is it on the left or right; at the top or bottom) and ten
relational ones (the shape of the object closest to another, or furthest from it; how many have the
shape of another, itself among them). A question stands in two columns: as a sentence (`question`),
and as the two words that the authors' code comes to (`code`): colour, and what is asked, from which
the kind follows.

Left open there and chosen here: the background is white, objects do not touch, no picture is asked
the same question twice, and no question is asked that has two right answers (two objects equally
close, of different shapes).

The questions of a picture are cut into four parts (`part`), for batches of many pictures and a few
questions about each.

Every picture follows from the seed, its split and its number alone.

Source: Santoro et al. 2017, "A simple neural network module for relational reasoning".
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

PICTURES = {"train": 9_600, "validation": 200, "test": 200}
SIDE = 75
REACH = 5  # pixels from an object's centre to its edge
QUESTIONS_OF_A_KIND = 10
PARTS = 4  # that the questions of a picture are cut into, by turns

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "orange": (255, 150, 0),
    "gray": (128, 128, 128),
    "yellow": (255, 255, 0),
}
SHAPES = ("square", "circle")

ASKED = {
    "non-relational": {
        "shape": "What is the shape of the {} object?",
        "horizontal": "Is the {} object on the left or right of the image?",
        "vertical": "Is the {} object on the top or bottom of the image?",
    },
    "relational": {
        "closest": "What is the shape of the object that is closest to the {} object?",
        "furthest": "What is the shape of the object that is furthest from the {} object?",
        "count": "How many objects have the shape of the {} object?",
    },
}
"""Kind -> what is asked -> the question about the object of a colour."""


@dataclass(frozen=True)
class Thing:
    """An object; its centre is the pixel (`x`, `y`), from the top left."""

    colour: str
    shape: str
    x: int
    y: int

    def distance(self, other: Thing) -> int:
        """Squared, between the centres."""
        return (self.x - other.x) ** 2 + (self.y - other.y) ** 2

    def touches(self, other: Thing) -> bool:
        return max(abs(self.x - other.x), abs(self.y - other.y)) <= 2 * REACH + 1


def draw_scene(draw: Random) -> list[Thing]:
    """One object of each colour, none touching another."""
    scene: list[Thing] = []
    while len(scene) < len(COLOURS):
        x, y = (draw.randrange(REACH, SIDE - REACH) for _ in range(2))
        thing = Thing(list(COLOURS)[len(scene)], draw.choice(SHAPES), x, y)
        if not any(thing.touches(other) for other in scene):
            scene.append(thing)
    return scene


def paint(scene: list[Thing]) -> Image.Image:
    """The picture of a scene."""
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    canvas = ImageDraw.Draw(picture)
    for thing in scene:
        box = (thing.x - REACH, thing.y - REACH, thing.x + REACH, thing.y + REACH)
        outline = canvas.rectangle if thing.shape == "square" else canvas.ellipse
        outline(box, fill=COLOURS[thing.colour])
    return picture


def answers(scene: list[Thing], asked: str, thing: Thing) -> set[str]:
    """Every right answer to a question about `thing`: one, or several where it is ambiguous."""
    others = [other for other in scene if other is not thing]
    if asked == "shape":
        return {thing.shape}
    if asked == "horizontal":
        return side_of_middle(thing.x, "left", "right")
    if asked == "vertical":
        return side_of_middle(thing.y, "top", "bottom")
    if asked == "count":
        return {str(sum(other.shape == thing.shape for other in scene))}
    best = (min if asked == "closest" else max)(thing.distance(other) for other in others)
    return {other.shape for other in others if thing.distance(other) == best}


def side_of_middle(place: int, before: str, after: str) -> set[str]:
    """On which side of the picture's middle the centre of the pixel `place` lies."""
    return (
        {before} if 2 * place + 1 < SIDE else {after} if 2 * place + 1 > SIDE else {before, after}
    )


def ask(scene: list[Thing], kind: str, draw: Random) -> Iterator[dict[str, str]]:
    """Ten different questions of a kind, each with its one right answer."""
    possible = [(asked, thing) for asked in ASKED[kind] for thing in scene]
    draw.shuffle(possible)
    clear = ((a, thing, answers(scene, a, thing)) for a, thing in possible)
    usable = [(a, thing, right) for a, thing, right in clear if len(right) == 1]
    for asked, thing, right in usable[:QUESTIONS_OF_A_KIND]:
        yield {
            "question": ASKED[kind][asked].format(thing.colour),
            "code": f"{thing.colour} {asked}",
            "kind": kind,
            "answer": min(right),
        }


def draw_picture(seed: int, split: str, number: int) -> tuple[list[Thing], list[dict[str, str]]]:
    """A scene, and its twenty questions."""
    draw = Random(f"{seed}:{split}:{number}")
    while True:
        scene = draw_scene(draw)
        questions = [question for kind in ASKED for question in ask(scene, kind, draw)]
        if len(questions) == len(ASKED) * QUESTIONS_OF_A_KIND:  # else too many were ambiguous
            return scene, questions


def build(folder: Path, pictures: dict[str, int] = PICTURES, seed: int = 0) -> dict[str, int]:
    """Write the pictures and a JSONL file for each split, and count its questions.

    The questions of `test` also stand in a file of their own for each kind.
    """
    counts = {}
    for split, count in pictures.items():
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        rows = []
        for number in range(count):
            scene, questions = draw_picture(seed, split, number)
            name = f"images/{split}/{number:05}.png"
            paint(scene).save(folder / name)
            rows += [
                {"file_name": name, "part": f"{number}-{n % PARTS}"} | question
                for n, question in enumerate(questions)
            ]
        write(folder / f"{split}.jsonl", rows)
        if split == "test":
            for kind in ASKED:
                write(folder / f"test-{kind}.jsonl", [row for row in rows if row["kind"] == kind])
        counts[split] = len(rows)
    return counts


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "out_dir", type=Path, help="data root; the set goes to OUT_DIR/sort-of-clevr"
    )
    parser.add_argument("--seed", type=int, default=0, help="another set for each")
    arguments = parser.parse_args()
    try:
        counts = build(arguments.out_dir / "sort-of-clevr", seed=arguments.seed)
    except OSError as error:
        sys.exit(f"sort_of_clevr.py: {error}")
    print(
        f"wrote {', '.join(f'{count:,} {split}' for split, count in counts.items())} questions to "
        f"{arguments.out_dir / 'sort-of-clevr'}; use them with SENSORIUM_DATA={arguments.out_dir} "
        f"or data.root={arguments.out_dir}"
    )


if __name__ == "__main__":
    main()
