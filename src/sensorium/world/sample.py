"""One scene as files and as its line of the manifest: a new modality adds its own here."""

from pathlib import Path
from random import Random
from typing import Any

from sensorium.world.captions import CHINESE, ENGLISH, all_captions
from sensorium.world.picture import draw_picture
from sensorium.world.scene import Object, Scene


def write_sample(
    folder: Path, name: str, scene: Scene, image_size: int, rng: Random
) -> dict[str, Any]:
    """Write the scene's files.

    Args:
        folder: the world's folder.
        name: the split and the number, as in "train/00000".
        scene: what to write.
        image_size: the picture's side, in pixels.
        rng: chooses the wordings.

    Returns:
        The row of the manifest.
    """
    file_name = f"images/{name}.png"
    draw_picture(scene, image_size).save(folder / file_name)
    return {
        "file_name": file_name,
        "text": rng.choice(all_captions(scene, ENGLISH)),
        "text_zh": rng.choice(all_captions(scene, CHINESE)),
        "unseen": scene.unseen,
        "objects": [_facts(thing, image_size) for thing in scene.objects],
    }


def _facts(thing: Object, image_size: int) -> dict[str, Any]:
    size, colour, shape = thing.words
    box = [round(image_size * value, 2) for value in thing.box]
    return {"shape": shape, "colour": colour, "size": size, "box": box}
