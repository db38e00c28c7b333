"""Tar shards as WebDataset writes them, with real files in them."""

import io
import json
import tarfile
import wave
from pathlib import Path
from typing import Any

import fsspec
from PIL import Image


def png(colour: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 6), (colour, 20, 200)).save(file, "PNG")
    return file.getvalue()


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(800))
    return file.getvalue()


def tar(members: list[tuple[str, bytes]]) -> bytes:
    """(name, content) of each -> the bytes of a tar."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return file.getvalue()


def pairs(first: int, rows: int) -> list[tuple[str, bytes]]:
    """Members of rows with a picture, a text and a JSON file."""
    members = []
    for number in range(first, first + rows):
        key = f"{number:06d}"
        members += [(f"{key}.png", png(number % 256)), (f"{key}.txt", f"text {number}".encode())]
        members += [(f"{key}.json", json.dumps({"number": number, "of": "a set"}).encode())]
    return members


def write_shards(folder: Any, shards: int = 3, rows: int = 4) -> None:
    """`train-000.tar` and so on in a folder, or at a URL, with rows numbered through."""
    for shard in range(shards):
        content = tar(pairs(shard * rows, rows))
        path = f"{folder}/train-{shard:03d}.tar"
        if isinstance(folder, Path):
            Path(path).write_bytes(content)
        else:
            with fsspec.open(path, "wb") as file:
                file.write(content)
