"""Draws a scene as a picture."""

from PIL import Image, ImageDraw

from sensorium.world.scene import Scene

_OVERSAMPLING = 4


def draw_picture(scene: Scene, image_size: int) -> Image.Image:
    """Draw with smooth edges.

    Args:
        scene: what to draw.
        image_size: the side of the square picture, in pixels.

    Returns:
        An RGB picture of `image_size` by `image_size` pixels.
    """
    side = image_size * _OVERSAMPLING
    canvas = Image.new("RGB", (side, side), scene.background)
    pen = ImageDraw.Draw(canvas)
    for thing in scene.objects:
        pen.polygon([(side * x, side * y) for x, y in thing.outline], fill=thing.colour.rgb)
    return canvas.reduce(_OVERSAMPLING)
