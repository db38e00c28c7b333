"""Build the emoji set: 72x72 drawings with names and keywords in English and Chinese.

    python benchmarks/datasets/emoji.py OUT_DIR

1. CLDR annotations give every emoji its name and keywords, and the order of the rows.
2. An emoji is kept if the font knows all its characters and its drawing is not one already
   kept (the flag of France is also that of Clipperton). What begins below U+2000 is left out:
   keycaps, the copyright sign and the like are text first.
3. The font's 136x128 bitmap is set on white, halved with Lanczos and reduced to 128 colours.
4. The MD5 of the code points, modulo 10, sends a tenth of the emoji to the test split.

Source: Noto Color Emoji 2.042 (SIL Open Font License 1.1), Unicode CLDR 41 (Unicode License).
"""

import argparse
import hashlib
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont, features

BITMAP_SIZE = 109  # the one size at which the font holds bitmaps, in pixels per em
CANVAS = (144, 144)  # the 136x128 bitmap and its margin: twice the drawing's size
DRAWING = (72, 72)
FIRST_PICTURE = "\u2000"  # what sorts before is ASCII or Latin-1
EXPECTED_EMOJI = 3605
INSTALL = (
    "install it (apt-get install fonts-noto-color-emoji unicode-cldr-core), or name your own copy "
    "with --font PATH (NotoColorEmoji.ttf) and --cldr DIR (the folder `common` of a CLDR release)"
)


def read_annotations(cldr: Path, language: str) -> dict[str, tuple[str, str]]:
    """Read each emoji's name and keywords, in the order of CLDR.

    Returns:
        Emoji -> (name, keywords joined by a comma).
    """
    names: dict[str, str] = {}
    keywords: dict[str, str] = {}
    for folder in ("annotations", "annotationsDerived"):
        for annotation in ElementTree.parse(cldr / folder / f"{language}.xml").iter("annotation"):
            fields = names if annotation.get("type") == "tts" else keywords
            fields[annotation.attrib["cp"]] = annotation.text or ""
    return {
        emoji: (name, ", ".join(word.strip() for word in keywords[emoji].split("|")))
        for emoji, name in names.items()
        if emoji in keywords
    }


def load_font(path: Path) -> tuple[ImageFont.FreeTypeFont, set[int]]:
    """Open the font at the size of its bitmaps.

    Returns:
        The font, shaped by Raqm (which joins emoji sequences), and the code points it knows.

    Raises:
        ValueError: the font holds no bitmaps, or this Pillow cannot shape.
    """
    if not features.check("raqm"):
        raise ValueError("Pillow cannot join emoji sequences without FriBiDi: install libfribidi0")
    tables = TTFont(path, lazy=True)
    if "CBDT" not in tables:
        raise ValueError(
            f"{path} holds no bitmaps (no CBDT table), outlines draw other pictures; take "
            "NotoColorEmoji.ttf as Debian's fonts-noto-color-emoji ships it"
        )
    font = ImageFont.truetype(path, BITMAP_SIZE, layout_engine=ImageFont.Layout.RAQM)
    return font, set(tables.getBestCmap())


def draw(emoji: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Draw one emoji on white."""
    canvas = Image.new("RGB", CANVAS, "white")
    ImageDraw.Draw(canvas).text((0, 8), emoji, font=font, embedded_color=True)
    return canvas.resize(DRAWING, Image.Resampling.LANCZOS).quantize(128).convert("RGB")


def drawings(emojis: list[str], font_path: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield each emoji that the font can draw with its drawing, every drawing once."""
    font, known = load_font(font_path)
    seen: set[bytes] = set()
    for emoji in emojis:
        if emoji < FIRST_PICTURE or any(ord(character) not in known for character in emoji):
            continue
        drawing = draw(emoji, font)
        pixels = drawing.tobytes()
        if pixels not in seen:
            seen.add(pixels)
            yield emoji, drawing


def split_of(code_points: str) -> str:
    """Say which split an emoji belongs to; it depends on nothing but the emoji itself."""
    digest = hashlib.md5(code_points.encode(), usedforsecurity=False).hexdigest()
    return "test" if int(digest, 16) % 10 == 0 else "train"


def build(folder: Path, font: Path, cldr: Path) -> dict[str, int]:
    """Write the drawings and one JSONL file per split, and count the rows of each."""
    for path in (font, *(cldr / kind for kind in ("annotations", "annotationsDerived"))):
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; {INSTALL}")
    english = read_annotations(cldr, "en")
    chinese = read_annotations(cldr, "zh")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for emoji, drawing in drawings([emoji for emoji in english if emoji in chinese], font):
        code_points = "-".join(f"{ord(character):x}" for character in emoji)
        file_name = f"images/{code_points}.png"
        drawing.save(folder / file_name, optimize=True)
        (text, keywords), (text_zh, keywords_zh) = english[emoji], chinese[emoji]
        row = {
            "file_name": file_name,
            "emoji": emoji,
            "text": text,
            "keywords": keywords,
            "text_zh": text_zh,
            "keywords_zh": keywords_zh,
        }
        rows[split_of(code_points)].append(json.dumps(row, ensure_ascii=False) + "\n")
    for split, lines in rows.items():
        (folder / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return {split: len(lines) for split, lines in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="data root; the set goes to OUT_DIR/emoji")
    parser.add_argument(
        "--font",
        type=Path,
        default=Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
        help="NotoColorEmoji.ttf, the bitmap build (default: %(default)s)",
    )
    parser.add_argument(
        "--cldr",
        type=Path,
        default=Path("/usr/share/unicode/cldr/common"),
        help="folder of CLDR's annotations and annotationsDerived (default: %(default)s)",
    )
    arguments = parser.parse_args()
    folder = arguments.out_dir / "emoji"
    try:
        counts = build(folder, arguments.font, arguments.cldr)
    except (OSError, ValueError, TTLibError, ElementTree.ParseError) as error:
        sys.exit(f"emoji.py: {error}")
    if sum(counts.values()) != EXPECTED_EMOJI:
        print(
            f"note: {EXPECTED_EMOJI} emoji were expected, from Noto Color Emoji 2.042 and CLDR 41; "
            "with other releases the figures will differ a little",
            file=sys.stderr,
        )
    print(
        f"wrote {counts['train']} train and {counts['test']} test emoji to {folder}; "
        f"use them with SENSORIUM_DATA={arguments.out_dir} or data.root={arguments.out_dir}"
    )


if __name__ == "__main__":
    main()
