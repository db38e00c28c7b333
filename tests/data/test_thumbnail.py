import base64
import io

import pytest
from PIL import Image

from sensorium.data.quarantine import BrokenSample
from sensorium.data.thumbnail import thumbnail


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(uri: str) -> Image.Image:
    head, _, content = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content, validate=True)))


def is_near(pixel: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_any_kind_becomes_a_small_square(kind):
    small = decoded(thumbnail(encoded(Image.new("RGB", (300, 200), "red"), kind), 48))
    assert small.size == (48, 48)
    assert is_near(small.getpixel((24, 24)), (255, 0, 0))
    assert is_near(small.getpixel((24, 2)), (255, 255, 255)), "the whole picture is kept, on white"


def test_transparent_pixels_are_white():
    small = decoded(thumbnail(encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 0))), 16))
    assert is_near(small.convert("RGB").getpixel((8, 8)), (255, 255, 255))


def test_it_stands_upright():
    image = Image.new("RGB", (64, 64), "blue")
    image.paste("red", (0, 0, 32, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what is left belongs on top
    small = decoded(thumbnail(encoded(image, "JPEG", exif=exif), 32))
    assert is_near(small.getpixel((16, 4)), (255, 0, 0))
    assert is_near(small.getpixel((16, 28)), (0, 0, 255))


def test_a_broken_picture_is_refused():
    with pytest.raises(BrokenSample, match="text"):
        thumbnail(b"not a picture", 32)
