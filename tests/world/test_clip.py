"""Clips decode, begin with the picture, move as the row says, and sound in step."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.world.conftest import read_rows
from tests.world.test_sound import read_sound

from sensorium.world.clip import FRAMES, FRAMES_PER_SECOND
from sensorium.world.sound import SAMPLE_RATE
from sensorium.world.vocabulary import COLOURS

RGB = {colour.name: np.array(colour.rgb) for colour in COLOURS}
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def read_frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", FRAMES_PER_SECOND)
        frames = list(container.decode(stream))
    times = [frame.pts * frame.time_base for frame in frames]
    assert times == [Fraction(number, FRAMES_PER_SECOND) for number in range(FRAMES)]
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(int)


def centre_and_area(frame: np.ndarray, thing: dict) -> tuple[np.ndarray, int]:
    """The middle of the pixels of the thing's colour, in pixels, and their number."""
    ys, xs = np.nonzero(np.abs(frame - RGB[thing["colour"]]).max(axis=-1) < 60)
    return np.array([xs.mean(), ys.mean()]), len(xs)


def test_clips_begin_with_the_picture(world: Path) -> None:
    for row in read_rows(world, "train"):
        frames = read_frames(world / row["video"])
        with Image.open(world / row["file_name"]) as picture:
            still = np.asarray(picture).astype(int)
        assert frames.shape == (FRAMES, *still.shape)
        assert np.abs(frames[0] - still).mean() < 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_objects_move_as_their_rows_say(world: Path, split: str) -> None:
    met = set()
    for row in read_rows(world, split):
        frames = read_frames(world / row["video"])
        colours = [thing["colour"] for thing in row["objects"]]
        near_in_colour = {"orange", "yellow", "brown", "red"}
        for thing in row["objects"]:
            if colours.count(thing["colour"]) > 1 or len(near_in_colour & set(colours)) > 1:
                continue
            begin, end = (round(time * FRAMES_PER_SECOND) for time in thing["slot"])
            before, area = centre_and_area(frames[begin], thing)
            after, area_after = centre_and_area(frames[min(end, FRAMES - 1)], thing)
            expected = np.array(STEPS.get(thing["motion"], (0, 0)))
            moved = after - before
            assert np.array_equal(np.sign(np.where(np.abs(moved) < 3, 0, moved)), expected)
            shrank = area_after < 0.6 * area
            assert shrank == (thing["motion"] == "shrink")
            first, _ = centre_and_area(frames[0], thing)
            assert np.abs(first - before).max() < 1  # it waits for its slot
            met.add(thing["motion"])
    assert len(met) >= 5


def test_the_sound_track_is_in_step(world: Path) -> None:
    for row in read_rows(world, "validation"):
        with av.open(str(world / row["video"])) as container:
            (stream,) = container.streams.audio
            assert (stream.codec_context.name, stream.rate) == ("aac", SAMPLE_RATE)
            frames = list(container.decode(stream))
        start = float(frames[0].pts * frames[0].time_base)
        track = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        sound = read_sound(world / row["audio"]) / 2**15
        size = 2 * (len(track) + len(sound))
        match = np.fft.irfft(np.fft.rfft(track, size) * np.fft.rfft(sound, size).conj())
        late = int(match.argmax())
        late = late - size if late > size // 2 else late
        assert start + late / SAMPLE_RATE == pytest.approx(0, abs=0.02)
