"""What an object can be: six shapes, eight colours, two sizes, each with its words and numbers."""

from dataclasses import dataclass

from sensorium.world import outlines
from sensorium.world.outlines import Outline


@dataclass(frozen=True)
class Shape:
    """A form: its English and Chinese nouns, the Chinese measure word, and its outline."""

    name: str
    chinese: str
    measure: str
    outline: Outline


@dataclass(frozen=True)
class Colour:
    """A colour: its English and Chinese words, and its red, green and blue from 0 to 255."""

    name: str
    chinese: str
    rgb: tuple[int, int, int]


@dataclass(frozen=True)
class Size:
    """A size: its English and Chinese words, and its longer side as a share of the picture's."""

    name: str
    chinese: str
    extent: float


Pair = tuple[Colour, Shape]

SHAPES = (
    Shape("circle", "圆形", "个", outlines.circle()),
    Shape("square", "正方形", "个", outlines.square()),
    Shape("triangle", "三角形", "个", outlines.triangle()),
    Shape("star", "星星", "颗", outlines.star()),
    Shape("cross", "十字", "个", outlines.cross()),
    Shape("heart", "爱心", "颗", outlines.heart()),
)

COLOURS = (
    Colour("red", "红色", (218, 30, 40)),
    Colour("orange", "橙色", (248, 132, 16)),
    Colour("yellow", "黄色", (240, 210, 0)),
    Colour("green", "绿色", (28, 150, 60)),
    Colour("cyan", "青色", (20, 200, 215)),
    Colour("blue", "蓝色", (35, 75, 215)),
    Colour("purple", "紫色", (140, 50, 180)),
    Colour("brown", "棕色", (115, 65, 30)),
)

SMALL = Size("small", "小", 0.22)
LARGE = Size("large", "大", 0.36)
SIZES = (SMALL, LARGE)

# One colour withheld for each shape, no colour twice: every shape and every colour is still met in
# training, so that only their combination is new.
HELD_OUT_PAIRS: tuple[Pair, ...] = tuple(zip(COLOURS, SHAPES, strict=False))
SEEN_PAIRS: tuple[Pair, ...] = tuple(
    (colour, shape)
    for colour in COLOURS
    for shape in SHAPES
    if (colour, shape) not in HELD_OUT_PAIRS
)
