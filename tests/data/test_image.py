"""Every kind of picture is decoded to what a person sees; every broken one is named."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sensorium.data import BrokenSample, ImageConfig, decode_image
from sensorium.data.fit import native_shape
from sensorium.data.image import image_shape

Encoded = Callable[..., bytes]
RED = (200, 10, 20)


def small(**settings: object) -> ImageConfig:
    return ImageConfig.model_validate({"size": 8, **settings})


def centre(picture: Tensor) -> list[int]:
    return picture[:, 4, 4].tolist()


def gradient(mode: str = "RGB") -> Image.Image:
    ramp = np.linspace(0, 255, 32).astype(np.uint8)
    return Image.fromarray(np.stack([np.tile(ramp, (32, 1))] * 3, axis=-1)).convert(mode)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_formats(encoded: Encoded, format: str) -> None:
    picture = decode_image(encoded(Image.new("RGB", (20, 20), RED), format), small())
    assert picture.dtype == torch.uint8
    assert picture.shape == (3, 8, 8)
    assert picture.is_contiguous()
    assert centre(picture) == pytest.approx(RED, abs=6)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "RGBA", "CMYK"])
def test_modes_give_what_rgb_gives(encoded: Encoded, mode: str) -> None:
    image = gradient("L").point(lambda level: 255 * (level > 127)) if mode == "1" else gradient()
    format = "TIFF" if mode == "CMYK" else "PNG"
    expected = decode_image(encoded(image), small()).float()
    picture = decode_image(encoded(image.convert(mode), format), small()).float()
    assert (picture - expected).abs().max() <= 4


def test_cmyk_jpeg(encoded: Encoded) -> None:
    image = Image.new("RGB", (16, 16), RED).convert("CMYK")
    assert centre(decode_image(encoded(image, "JPEG"), small())) == pytest.approx(RED, abs=6)


def test_first_frame_of_a_moving_picture(encoded: Encoded) -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in (RED, (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert centre(decode_image(data, small())) == pytest.approx(RED, abs=2)


def test_sixteen_bits_are_scaled_and_not_clipped(encoded: Encoded) -> None:
    levels = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    picture = decode_image(encoded(Image.fromarray(levels)), small())
    assert torch.equal(picture[0], torch.from_numpy(np.round(levels / 257).astype(np.uint8)))


def png(bits: int, kind: int, row: bytes, key: bytes | None = None) -> bytes:
    """A PNG of 16 x 16, each row the same; `kind` 0 is grey, 2 RGB, 4 grey with alpha."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", 16, 16, bits, kind, 0, 0, 0)
    transparent = b"" if key is None else chunk(b"tRNS", key)
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + row) * 16))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + transparent + pixels + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("bits", "kind", "row", "key"),
    [
        (1, 0, b"\xff\xff", b"\0\1"),
        (2, 0, b"\xaa" * 4, b"\0\2"),
        (4, 0, b"\x99" * 8, b"\0\x09"),
        (8, 0, b"\x99" * 16, b"\0\x99"),
        (16, 0, b"\x9c\x40" * 16, b"\x9c\x40"),
        (8, 2, b"\1\2\3" * 16, b"\0\1\0\2\0\3"),
        (16, 2, b"\1\2\3\4\5\6" * 16, b"\1\2\3\4\5\6"),
        (16, 4, b"\x9c\x40\0\0" * 16, None),
    ],
)
def test_transparent_at_any_bit_depth(bits: int, kind: int, row: bytes, key: bytes | None) -> None:
    assert centre(decode_image(png(bits, kind, row, key), small(background="blue"))) == [0, 0, 255]


def grey_tiff(bits: int, photometric: int, pixels: bytes) -> bytes:
    """An uncompressed grey TIFF of 16 x 16."""
    tags = {256: 16, 257: 16, 258: bits, 259: 1, 262: photometric, 277: 1, 278: 16}
    tags |= {273: 8 + 2 + 12 * 9 + 4, 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0" + pixels


def test_grey_tiff_of_12_bits_and_with_white_as_zero() -> None:
    half = bytes([0x80, 0x08, 0x00]) * 128
    assert centre(decode_image(grey_tiff(12, 1, half), small())) == [128, 128, 128]
    level = struct.pack("<H", 40_000) * 256
    assert centre(decode_image(grey_tiff(16, 1, level), small())) == [156, 156, 156]
    assert centre(decode_image(grey_tiff(16, 0, level), small())) == [99, 99, 99]


def test_grey_map_of_16_bits() -> None:
    data = b"P5 16 16 65535\n" + struct.pack(">H", 40_000) * 256
    assert centre(decode_image(data, small())) == [156, 156, 156]


def test_floating_point_pixels_are_refused(encoded: Encoded) -> None:
    image = Image.fromarray(np.ones((4, 4), dtype=np.float32))
    with pytest.raises(BrokenSample, match=r"32-bit pixels \(mode F\) have no fixed range"):
        decode_image(encoded(image, "TIFF"), small())


@pytest.mark.parametrize("background", ["white", "#102030"])
def test_transparency_shows_the_background(encoded: Encoded, background: str) -> None:
    config = small(background=background)
    clear = Image.new("RGBA", (10, 10), (*RED, 0))
    assert centre(decode_image(encoded(clear), config)) == list(config.colour)
    half = Image.new("RGBA", (10, 10), (0, 0, 0, 128))
    expected = [level / 2 for level in config.colour]
    assert centre(decode_image(encoded(half), config)) == pytest.approx(expected, abs=1)


def test_transparent_palette_entry(encoded: Encoded) -> None:
    image = Image.new("P", (10, 10), 1)
    image.putpalette([0, 0, 0, *RED])
    data = encoded(image, "PNG", transparency=1)
    assert centre(decode_image(data, small(background="blue"))) == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(encoded: Encoded, orientation: int) -> None:
    """A viewer shows the marked corner on top left whatever the orientation it is stored in."""
    turns = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_TOP_BOTTOM],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.ROTATE_270, Image.Transpose.FLIP_TOP_BOTTOM],
        8: [Image.Transpose.ROTATE_270],
    }
    image = Image.new("RGB", (16, 16))
    image.paste((255, 255, 255), (0, 0, 8, 4))
    upright = decode_image(encoded(image), small(size=16))
    for turn in turns.get(orientation, []):
        image = image.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert torch.equal(decode_image(encoded(image, "PNG", exif=exif), small(size=16)), upright)


def test_crop_keeps_the_centre(encoded: Encoded) -> None:
    image = Image.new("RGB", (30, 10), "black")
    image.paste(RED, (10, 0, 20, 10))
    picture = decode_image(encoded(image), small(fit="crop"))
    assert centre(picture) == list(RED)
    assert picture[:, 4, 1].tolist() == pytest.approx(RED, abs=2)


def test_pad_keeps_everything(encoded: Encoded) -> None:
    picture = decode_image(
        encoded(Image.new("RGB", (40, 10), RED)), small(fit="pad", background="blue")
    )
    assert centre(picture) == list(RED)
    assert picture[:, 0, 4].tolist() == [0, 0, 255]
    assert (picture[0] == RED[0]).sum() == 16


def test_stretch_ignores_the_aspect(encoded: Encoded) -> None:
    image = Image.new("RGB", (40, 8), "black")
    image.paste(RED, (0, 0, 20, 8))
    picture = decode_image(encoded(image), small(fit="stretch"))
    assert picture[:, 4, 1].tolist() == pytest.approx(RED, abs=2)
    assert picture[:, 4, 6].tolist() == pytest.approx([0, 0, 0], abs=2)


def test_one_thin_line(encoded: Encoded) -> None:
    data = encoded(Image.new("L", (1, 500)))
    for fit in ("crop", "pad", "stretch"):
        assert decode_image(data, small(fit=fit)).shape == (3, 8, 8)
    native = small(fit="native", size=32, patch_size=8)
    assert decode_image(data, native).shape == (3, 16 * 8, 8)


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (100, 100, (64, 64)),  # the whole budget
        (400, 100, (32, 128)),  # wide
        (100, 400, (128, 32)),  # tall
        (500, 375, (56, 72)),  # 6 x 8 patches would be 3:4, but 7 x 9 are more and nearly so
        (20, 12, (16, 24)),  # small: no more than rounded
        (3, 3, (8, 8)),
    ],
)
def test_native_keeps_the_shape(
    encoded: Encoded, width: int, height: int, shape: tuple[int, int]
) -> None:
    config = small(fit="native", size=64, patch_size=8)
    data = encoded(Image.new("RGB", (width, height), RED))
    assert decode_image(data, config).shape == (3, *shape)
    assert image_shape(data, config) == (3, *shape)


def test_native_stays_in_the_budget_and_bends_little() -> None:
    chance = np.random.default_rng(0)
    for width, height in chance.integers(1, 3000, (300, 2)).tolist():
        rows, columns = (side // 16 for side in native_shape(height, width, 224, 16))
        assert 1 <= rows * columns <= 14 * 14
        assert (columns, rows) == tuple(s // 16 for s in native_shape(width, height, 224, 16))
        if min(width, height) > 200 and max(width, height) < 4 * min(width, height):
            assert rows * columns >= 0.7 * 14 * 14
            assert abs(np.log(columns * height / (rows * width))) < 0.1


def test_path_and_bytes_are_the_same(encoded: Encoded, tmp_path: Path) -> None:
    data = encoded(gradient())
    (tmp_path / "a.png").write_bytes(data)
    assert torch.equal(decode_image(tmp_path / "a.png", small()), decode_image(data, small()))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_file(encoded: Encoded, format: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(BrokenSample, match="truncated or damaged"):
        decode_image(data[: int(len(data) * share)], small())


def test_damaged_bytes_never_raise_anything_else(encoded: Encoded) -> None:
    chance = np.random.default_rng(1)
    for format in ("PNG", "GIF", "WEBP"):
        data = np.frombuffer(encoded(gradient(), format), dtype=np.uint8)
        for _ in range(60):
            spoiled = data.copy()
            spoiled[chance.integers(0, len(data), 8)] = chance.integers(0, 256, 8)
            try:
                assert decode_image(spoiled.tobytes(), small(max_pixels=10_000)).shape == (3, 8, 8)
            except BrokenSample:
                continue


def test_missing_empty_text_and_folder(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("404 not found — 没有", encoding="utf-8")
    (tmp_path / "noise.jpg").write_bytes(bytes(range(128, 256)) * 4)
    for name, reason in {
        "missing.png": r"^the file is missing$",
        "empty.png": r"^the file is empty \(0 bytes\)$",
        "text.jpg": r"^not a picture: the file holds text$",
        "noise.jpg": r"^not a picture of a kind that is read here \(PNG, JPEG",
        ".": r"^a folder, not a picture file$",
        "nul\0.png": r"^the file cannot be read",
    }.items():
        with pytest.raises(BrokenSample, match=reason):
            decode_image(tmp_path / name, small())


def test_decompression_bomb_is_refused_by_its_header(encoded: Encoded) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    bomb = encoded(Image.new("1", (20_000, 10_000)))  # Pillow itself would raise here
    with pytest.raises(BrokenSample, match=r"20000 x 10000 pixels, more than data\.image\.max_pix"):
        decode_image(bomb, small())
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_ours_and_not_pillows(
    encoded: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    data = encoded(Image.new("RGB", (6, 6), RED))  # would be refused by that limit
    assert centre(decode_image(data, small())) == list(RED)


def test_a_picture_in_several_blocks_of_memory(encoded: Encoded) -> None:
    image = Image.new("RGB", (4200, 1200), RED)
    assert centre(decode_image(encoded(image, "PPM"), small(fit="stretch"))) == list(RED)


def test_resized_as_pillow_does(encoded: Encoded) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 60, 3)).astype(np.uint8)
    for size in (7, 40, 150):
        picture = decode_image(encoded(Image.fromarray(noise)), small(size=size, fit="stretch"))
        expected = Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)
        difference = picture.permute(1, 2, 0).int() - torch.from_numpy(np.array(expected)).int()
        assert difference.abs().float().mean() < 0.3


def test_large_jpeg_through_its_smaller_scale(encoded: Encoded) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((512, 512), Image.Resampling.BICUBIC)
    picture = decode_image(encoded(image, "JPEG", quality=95), small(size=32)).float()
    whole = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert np.abs(picture.numpy() - whole).mean() < 3


def test_unknown_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown color specifier: 'whitee'"):
        small(background="whitee")


def test_damaged_exif_does_not_damage_the_picture(encoded: Encoded) -> None:
    data = encoded(
        Image.new("RGB", (9, 9), RED), "PNG", exif=b"Exif\0\0" + b"MM\0*\xff\xff\xff\xff"
    )
    assert centre(decode_image(io.BytesIO(data).getvalue(), small())) == list(RED)
