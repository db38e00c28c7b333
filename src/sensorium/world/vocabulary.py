"""What an object can be and do: shapes, colours, sizes, motions, with their words and numbers."""

from dataclasses import dataclass

from sensorium.world import outlines, timbres
from sensorium.world.outlines import Outline
from sensorium.world.timbres import Timbre


@dataclass(frozen=True)
class Shape:
    """A form: its English and Chinese nouns, the Chinese measure word, its outline and timbre."""

    name: str
    chinese: str
    measure: str
    outline: Outline
    timbre: Timbre


@dataclass(frozen=True)
class Colour:
    """A colour: its words, its red, green and blue from 0 to 255, and the pitch of its things."""

    name: str
    chinese: str
    rgb: tuple[int, int, int]
    pitch_hertz: float


@dataclass(frozen=True)
class Size:
    """A size: its words, its longer side as a share of the picture's, and how long it sounds."""

    name: str
    chinese: str
    extent: float
    sound_seconds: float


@dataclass(frozen=True)
class Motion:
    """What an object does: its words, where it goes, and what is left of its size."""

    name: str
    verb: str
    chinese: str
    direction: tuple[int, int] = (0, 0)
    """Steps to the right and downwards."""
    end_scale: float = 1.0


Pair = tuple[Colour, Shape]

SHAPES = (
    Shape("circle", "圆形", "个", outlines.circle(), timbres.CIRCLE),
    Shape("square", "正方形", "个", outlines.square(), timbres.SQUARE),
    Shape("triangle", "三角形", "个", outlines.triangle(), timbres.TRIANGLE),
    Shape("star", "星星", "颗", outlines.star(), timbres.STAR),
    Shape("cross", "十字", "个", outlines.cross(), timbres.CROSS),
    Shape("heart", "爱心", "颗", outlines.heart(), timbres.HEART),
)

# Four semitones apart, so that neighbours are easy to tell.
_PITCHES = tuple(round(220 * 2 ** (step / 3), 1) for step in range(8))

COLOURS = (
    Colour("red", "红色", (218, 30, 40), _PITCHES[0]),
    Colour("orange", "橙色", (248, 132, 16), _PITCHES[1]),
    Colour("yellow", "黄色", (240, 210, 0), _PITCHES[2]),
    Colour("green", "绿色", (28, 150, 60), _PITCHES[3]),
    Colour("cyan", "青色", (20, 200, 215), _PITCHES[4]),
    Colour("blue", "蓝色", (35, 75, 215), _PITCHES[5]),
    Colour("purple", "紫色", (140, 50, 180), _PITCHES[6]),
    Colour("brown", "棕色", (115, 65, 30), _PITCHES[7]),
)

SMALL = Size("small", "小", 0.22, sound_seconds=0.3)
LARGE = Size("large", "大", 0.36, sound_seconds=0.6)
SIZES = (SMALL, LARGE)

STILL = Motion("still", "stays still", "不动")
MOTIONS = (
    STILL,
    Motion("left", "moves left", "向左移动", direction=(-1, 0)),
    Motion("right", "moves right", "向右移动", direction=(1, 0)),
    Motion("up", "moves up", "向上移动", direction=(0, -1)),
    Motion("down", "moves down", "向下移动", direction=(0, 1)),
    Motion("shrink", "shrinks", "缩小", end_scale=0.5),
)

# One colour withheld for each shape, no colour twice: every shape and every colour is still met in
# training, so that only their combination is new.
HELD_OUT_PAIRS: tuple[Pair, ...] = tuple(zip(COLOURS, SHAPES, strict=False))
SEEN_PAIRS: tuple[Pair, ...] = tuple(
    (colour, shape)
    for colour in COLOURS
    for shape in SHAPES
    if (colour, shape) not in HELD_OUT_PAIRS
)
