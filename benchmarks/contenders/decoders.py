"""JPEG files -> a normalised batch float32 [B, 3, size, size], by us and by others in their way.

The whole picture is stretched to the square by everybody, so that all resize the same pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from contenders.peers import import_peer
from sensorium.data.image import ImageConfig, decode_image

Decoder = Callable[[Sequence[bytes]], Tensor]
"""Files to a batch."""

BICUBIC = Image.Resampling.BICUBIC


def ours(size: int) -> Decoder:
    """Stacked as 8 bits and normalised as one batch, as `Image.collate` and the encoder do."""
    config = ImageConfig(size=size, fit="stretch")
    return lambda files: _normalised(torch.stack([decode_image(file, config) for file in files]))


def pillow_plainly(size: int) -> Decoder:
    return partial(_each, lambda file: _pillow(Image.open(io.BytesIO(file)), size))


def pillow_draft(size: int) -> Decoder:
    def decode(file: bytes) -> np.ndarray:
        image = Image.open(io.BytesIO(file))
        image.draft("RGB", (size, size))
        return _pillow(image, size)

    return partial(_each, decode)


def opencv(size: int) -> Decoder:
    """At the smallest fraction that is not below the size, then by areas."""
    cv2 = import_peer("cv2")

    def decode(file: bytes) -> np.ndarray:
        width, height = Image.open(io.BytesIO(file)).size
        fraction = next((n for n in (8, 4, 2) if min(width, height) // n >= size), 1)
        flag = (
            cv2.IMREAD_COLOR if fraction == 1 else getattr(cv2, f"IMREAD_REDUCED_COLOR_{fraction}")
        )
        image = cv2.imdecode(np.frombuffer(file, dtype=np.uint8), flag)
        return cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), 4)

    return partial(_each, decode)


def simplejpeg(size: int) -> Decoder:
    decode_jpeg = import_peer("simplejpeg").decode_jpeg

    def decode(file: bytes) -> np.ndarray:
        pixels = decode_jpeg(file, min_height=size, min_width=size)
        return np.array(Image.fromarray(pixels).resize((size, size), BICUBIC))

    return partial(_each, decode)


def hugging_face(size: int) -> Decoder:
    """Rows of `datasets` with its own image feature."""
    datasets = import_peer("datasets")
    tables: dict[int, object] = {}

    def decode(files: Sequence[bytes]) -> Tensor:
        if id(files) not in tables:
            rows = [{"bytes": file, "path": None} for file in files]
            table = datasets.Dataset.from_dict({"image": rows})
            tables[id(files)] = table.cast_column("image", datasets.Image())
        table = tables[id(files)]
        return torch.stack([_ready(_pillow(row["image"], size)) for row in table])  # type: ignore[attr-defined]

    return decode


DECODERS: dict[str, Callable[[int], Decoder]] = {
    "sensorium": ours,
    "Pillow, plainly": pillow_plainly,
    "Pillow, draft mode": pillow_draft,
    "OpenCV, reduced": opencv,
    "simplejpeg + Pillow": simplejpeg,
    "datasets": hugging_face,
}
"""Who -> what makes their decoder; `MissingPeerError` where it is not installed."""


def _pillow(image: Image.Image, size: int) -> np.ndarray:
    return np.array(image.convert("RGB").resize((size, size), BICUBIC))


def _each(decode: Callable[[bytes], np.ndarray], files: Sequence[bytes]) -> Tensor:
    """Each picture normalised, then stacked: as data sets with a transform do."""
    return torch.stack([_ready(decode(file)) for file in files])


def _ready(pixels: np.ndarray) -> Tensor:
    return _normalised(torch.from_numpy(pixels).permute(2, 0, 1))


def _normalised(pixels: Tensor) -> Tensor:
    return pixels.float().sub_(127.5).div_(127.5)
