"""Films a scene: H.264 pictures, and AAC sound in step where there is sound.

The same scene gives the same bytes: one thread, fixed settings, no dates and no versions.
"""

from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags
from PIL import Image

from sensorium.world.picture import draw_picture
from sensorium.world.scene import SCENE_SECONDS, Scene
from sensorium.world.sound import SAMPLE_RATE, Samples

FRAMES_PER_SECOND = 8
FRAMES = round(SCENE_SECONDS * FRAMES_PER_SECOND)

# x264 that looks ahead gave other bytes each time for some small pictures; zerolatency does not.
_PICTURE_OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "crf": "18", "threads": "1"}
_SOUND_OPTIONS = {"aac_coder": "fast"}  # the default takes longer than all the rest
_SOUND_BITS_PER_SECOND = 32_000


def film_frames(scene: Scene, image_size: int) -> list[Image.Image]:
    """The scene at each frame's time; the first is the still picture."""
    frames: list[Image.Image] = []
    before = None
    for number in range(FRAMES):
        look = scene.at(number / FRAMES_PER_SECOND)
        frames.append(frames[-1] if look == before else draw_picture(look, image_size))
        before = look
    return frames


def write_clip(path: Path, frames: list[Image.Image], samples: Samples | None) -> None:
    """Write an MP4 file.

    Args:
        path: where.
        frames: all of one size, with even sides.
        samples: the sound track, mono [S]; None for none.
    """
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        pictures = container.add_stream("libx264", FRAMES_PER_SECOND, options=_PICTURE_OPTIONS)
        pictures.width, pictures.height = frames[0].size
        pictures.pix_fmt = "yuv420p"
        pictures.codec_context.flags |= Flags.bitexact
        if samples is not None:
            sound = container.add_stream("aac", SAMPLE_RATE, options=_SOUND_OPTIONS, layout="mono")
            sound.bit_rate = _SOUND_BITS_PER_SECOND
            sound.codec_context.flags |= Flags.bitexact
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_image(frame)
            picture.pts, picture.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode())
        if samples is not None:
            track = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            track.sample_rate, track.pts = SAMPLE_RATE, 0
            container.mux(sound.encode(track))
            container.mux(sound.encode())
