"""Draw `fusions.svg`: the nine fusions, each as a small schema.

    python docs/fusion_pictures.py

Squares are tokens, bars are vectors, colours are modalities; what is fused is dark. Read upwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

PICTURE = Path(__file__).with_name("pictures") / "fusions.svg"
WIDTH, HEIGHT, COLUMNS = 300, 230, 3  # of a panel, and how many stand side by side
IMAGE, TEXT, AUDIO = "#4c8fd6", "#e2954a", "#5aa66a"
FUSED, SHARED, LINE, PAPER, GROUND = "#3d3a5c", "#a875c2", "#7a7f87", "#ffffff", "#f4f5f7"
BASE = 178  # where encodings stand
TOP = 48  # where h stands


class Panel:
    """One schema, drawn from its top left corner."""

    def __init__(self, number: int, title: str, keeps: str) -> None:
        self.x, self.y = WIDTH * (number % COLUMNS), HEIGHT * (number // COLUMNS)
        self.parts: list[str] = []
        self._add(
            f'<rect x="6" y="6" width="{WIDTH - 12}" height="{HEIGHT - 12}" rx="8" fill="{PAPER}"/>'
        )
        self.label(WIDTH / 2, 26, title, size=14, weight="bold")
        self.label(WIDTH / 2, HEIGHT - 14, keeps, size=10, colour=LINE)

    def svg(self) -> str:
        return f'<g transform="translate({self.x} {self.y})">{"".join(self.parts)}</g>\n'

    def label(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 11,
        weight: str = "normal",
        colour: str = "#22252a",
    ) -> None:
        self._add(
            f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
            f'text-anchor="middle">{text}</text>'
        )

    def box(self, x: float, y: float, width: float, text: str, height: float = 22) -> None:
        """A layer, centred at x."""
        self._add(
            f'<rect x="{x - width / 2}" y="{y}" width="{width}" height="{height}" rx="4" '
            f'fill="{GROUND}" stroke="{LINE}"/>'
        )
        self.label(x, y + height / 2 + 4, text)

    def vector(self, x: float, y: float, colour: str, width: float = 44) -> None:
        """A bar, centred at x."""
        self.bar(x, y, width, 9, colour)

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """The same of any height."""
        self._add(
            f'<rect x="{x - width / 2}" y="{y}" width="{width}" height="{height}" rx="2" '
            f'fill="{colour}"/>'
        )

    def cell(self, x: float, y: float, side: float, colour: str) -> None:
        """A square with an edge, from its top left corner."""
        self._add(
            f'<rect x="{x}" y="{y}" width="{side}" height="{side}" rx="2" fill="{colour}" '
            f'stroke="{LINE}" stroke-width="0.8"/>'
        )

    def frame(self, x: float, y: float, width: float, height: float, name: str) -> None:
        """A named box around something in a picture, from its top left corner."""
        self._add(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" '
            f'stroke="{TEXT}" stroke-width="2"/>'
        )
        self.label(x + width / 2, y + height / 2 + 4, name, size=10)

    def dot(self, x: float, y: float) -> None:
        self._add(f'<circle cx="{x}" cy="{y}" r="1.5" fill="{LINE}"/>')

    def tokens(self, x: float, y: float, colour: str, count: int = 4, edge: str = "none") -> None:
        """Squares side by side, centred at x."""
        for number in range(count):
            left = x + (number - count / 2) * 14
            self._add(
                f'<rect x="{left + 1}" y="{y}" width="12" height="12" rx="2" fill="{colour}" '
                f'stroke="{edge}" stroke-width="2"/>'
            )

    def sign(self, x: float, y: float, text: str) -> None:
        """An operation in a circle, centred at (x, y)."""
        self._add(
            f'<circle cx="{x}" cy="{y}" r="10" fill="{PAPER}" stroke="{LINE}"/>'
            f'<text x="{x}" y="{y + 5}" font-size="14" fill="#22252a" text-anchor="middle">'
            f"{text}</text>"
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, both: bool = False) -> None:
        start = 'marker-start="url(#start)" ' if both else ""
        self._add(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{LINE}" {start}'
            'marker-end="url(#head)"/>'
        )

    def h(self, x: float = WIDTH / 2) -> None:
        self.vector(x, TOP, FUSED, 60)
        self.label(x + 40, TOP + 9, "h")

    def _add(self, part: str) -> None:
        self.parts.append(part)


THREE = ((70, IMAGE), (150, TEXT), (230, AUDIO))
TWO = ((85, IMAGE), (215, TEXT))


def concat(panel: Panel) -> None:
    for (x, colour), place in zip(THREE, (106, 150, 194), strict=True):
        panel.vector(x, BASE, colour)
        panel.arrow(x, BASE - 3, place, 142)
        panel.vector(place, 128, colour)
    panel.arrow(150, 125, 150, 111)
    panel.box(150, 84, 150, "hidden layer")
    panel.arrow(150, 82, 150, 62)
    panel.h()


def add(panel: Panel) -> None:
    for x, colour in THREE:
        panel.vector(x, BASE, colour)
        panel.arrow(x, BASE - 3, x, 151)
        panel.box(x, 126, 40, "W")
        panel.arrow(x, 124, 150 + (x - 150) * 0.14, 104)
    panel.sign(150, 92, "+")
    panel.arrow(150, 81, 150, 62)
    panel.h()


def gated(panel: Panel) -> None:
    for x, colour in THREE:
        panel.vector(x, BASE, colour)
        panel.arrow(x, BASE - 3, x, 162)
        panel.arrow(x, 136, x, 122)
        panel.sign(x, 110, "×")
        panel.arrow(x, 98, 150 + (x - 150) * 0.2, 90)
    panel.box(150, 138, 220, "gates, which read all", 20)
    panel.sign(150, 80, "+")
    panel.arrow(150, 69, 150, 61)
    panel.h()


def tensor(panel: Panel) -> None:
    for x, colour in TWO:
        panel.vector(x, BASE, colour)
        panel.label(x + 32, BASE + 9, "1")
        panel.arrow(x, BASE - 3, 150 + (x - 150) * 0.6, 160)
    for row in range(5):
        for column in range(5):
            both = row > 0 and column < 4
            colour = SHARED if both else TEXT if row else IMAGE if column < 4 else LINE
            panel._add(
                f'<rect x="{115 + 14 * column}" y="{90 + 14 * row}" width="12" height="12" '
                f'rx="2" fill="{colour}" opacity="0.85"/>'
            )
    panel.label(236, 128, "outer product", colour=LINE)
    panel.arrow(150, 87, 150, 62)
    panel.label(164, 79, "W")
    panel.h()


def low_rank(panel: Panel) -> None:
    for x, colour in TWO:
        panel.vector(x, BASE, colour)
        panel.label(x + 32, BASE + 9, "1")
        for place in (100, 150, 200):
            panel.arrow(x, BASE - 3, place + (x - 150) * 0.12, 134)
    for place in (100, 150, 200):
        panel.sign(place, 122, "×")
        panel.arrow(place, 110, 150 + (place - 150) * 0.2, 94)
    panel.label(258, 126, "r = 1 ... R", colour=LINE)
    panel.sign(150, 84, "+")
    panel.arrow(150, 73, 150, 61)
    panel.h()


def self_attention(panel: Panel) -> None:
    panel.tokens(54, BASE, SHARED, 1)
    for (x, colour), count in zip(((96, IMAGE), (160, TEXT), (220, AUDIO)), (4, 4, 3), strict=True):
        panel.tokens(x, BASE, colour, count)
        panel.arrow(x, BASE - 3, x, 148)
        panel.tokens(x, 92, colour, count, FUSED)
        panel.arrow(x, 121, x, 109)
    panel.arrow(54, BASE - 3, 54, 148)
    panel.box(142, 123, 210, "Transformer")
    panel.arrow(54, 121, 54, 62)
    panel.h(62)


def cross_attention(panel: Panel) -> None:
    for x, colour in TWO:
        panel.tokens(x, BASE, colour)
        panel.arrow(x, BASE - 3, x, 152)
        panel.box(x, 128, 66, "layers")
        panel.arrow(x, 126, x, 112)
        panel.tokens(x, 96, colour, 4, FUSED)
        panel.arrow(x, 93, 150 + (x - 150) * 0.2, 80)
    panel.arrow(122, 139, 178, 139, both=True)
    panel.label(150, 156, "attend", colour=LINE)
    panel.sign(150, 76, "×")
    panel.arrow(150, 66, 150, 60)
    panel.h()


def bottleneck(panel: Panel) -> None:
    for x, colour in TWO:
        panel.tokens(x, BASE, colour)
        panel.arrow(x, BASE - 3, x, 152)
        panel.box(x, 128, 66, "layers")
        panel.arrow(x, 126, x, 112)
        panel.tokens(x, 96, colour, 4, FUSED)
        panel.arrow(x, 93, 150 + (x - 150) * 0.2, 80)
    panel.tokens(150, 133, SHARED, 2)
    panel.arrow(121, 139, 132, 139, both=True)
    panel.arrow(168, 139, 179, 139, both=True)
    panel.label(150, 164, "few shared tokens", colour=LINE)
    panel.sign(150, 76, "×")
    panel.arrow(150, 66, 150, 60)
    panel.h()


def perceiver(panel: Panel) -> None:
    for x, colour in ((70, IMAGE), (230, TEXT)):
        panel.tokens(x, BASE, colour)
        panel.arrow(x + (12 if x < 150 else -12), BASE - 4, 150 + (x - 150) * 0.36, 145)
        panel.arrow(150 + (x - 150) * 0.4, 118, x + (10 if x < 150 else -10), 111)
        panel.tokens(x, 96, colour, 4, FUSED)
        panel.arrow(x, 93, 150 + (x - 150) * 0.2, 80)
    panel.tokens(150, 127, SHARED, 4)
    panel.label(150, 160, "latents read", colour=LINE)
    panel.label(150, 112, "are read", colour=LINE)
    panel.sign(150, 76, "×")
    panel.arrow(150, 66, 150, 60)
    panel.h()


Schema = tuple[str, str, Callable[[Panel], None]]
"""Its title, what stands below, and what draws it."""

SCHEMAS: tuple[Schema, ...] = (
    ("concat", "a vector", concat),
    ("sum", "a vector", add),
    ("gated", "a vector", gated),
    ("tensor", "a vector", tensor),
    ("low_rank", "a vector", low_rank),
    ("self_attention", "tokens and a vector", self_attention),
    ("cross_attention", "tokens and a vector", cross_attention),
    ("bottleneck", "tokens and a vector", bottleneck),
    ("perceiver", "tokens and a vector", perceiver),
)


def sheet(title: str, schemas: Sequence[Schema]) -> str:
    """All of them side by side, as SVG."""
    rows = -(-len(schemas) // COLUMNS)
    size = f"{WIDTH * COLUMNS} {HEIGHT * rows}"
    panels = []
    for number, (name, keeps, draw) in enumerate(schemas):
        panel = Panel(number, name, keeps)
        draw(panel)
        panels.append(panel.svg())
    head = '<path d="M0 0 L6 3 L0 6 z"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        'font-family="Helvetica, Arial, sans-serif">\n'
        f"<title>{title}</title>\n<defs>"
        '<marker id="head" markerWidth="6" markerHeight="6" refX="5" refY="3" orient="auto">'
        f'{head} fill="{LINE}"/></marker>'
        '<marker id="start" markerWidth="6" markerHeight="6" refX="5" refY="3" '
        f'orient="auto-start-reverse">{head} fill="{LINE}"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="{GROUND}"/>\n{"".join(panels)}</svg>\n'
    )


if __name__ == "__main__":
    title = "The nine fusions: encodings below, the fused vector h above"
    PICTURE.write_text(sheet(title, SCHEMAS), encoding="utf-8")
    print(f"wrote {PICTURE}")
