from pathlib import Path

import pytest
import torch
from tests.films import grey_levels, write_film

from sensorium.data import DataConfig, Dataset, collate, open_source
from sensorium.data.cells import Medium
from sensorium.data.quarantine import BrokenSample
from sensorium.data.segments import Segment
from sensorium.data.video import VideoConfig

CONFIG = VideoConfig(sampling="random_segment", segment_seconds=2.0)


@pytest.fixture
def film(tmp_path) -> Path:
    """Ten seconds; the level of a frame is twice its tenth of a second."""
    return write_film(tmp_path / "a.mp4", grey_levels(100), rate=10, g=10)


class Draws:
    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


@pytest.mark.parametrize(("place", "start"), [(0.0, 0.0), (0.25, 2.0), (1.0, 8.0), (None, 4.0)])
def test_picture_and_sound_get_the_same_stretch(film, place, start):
    video, sound = Medium(film, "video"), Medium(film, "sound")
    draw = None if place is None else Draws(place)
    segment = Segment({"video": [video], "audio": [sound]}, CONFIG, draw)
    for modality, medium in (("video", video), ("audio", sound)):
        part = segment.of(modality, medium)
        assert (part.start_seconds, part.end_seconds) == pytest.approx((start, start + 2.0))


def test_a_stretch_stays_in_the_part_that_a_row_names(film):
    segment = Segment({"video": []}, CONFIG, Draws(0.5))
    part = segment.of("video", Medium(film, "video", 3.0, 9.0))
    assert (part.start_seconds, part.end_seconds) == pytest.approx((5.0, 7.0))
    short = segment.of("video", Medium(film, "video", 9.5, 20.0))
    assert (short.start_seconds, short.end_seconds) == pytest.approx((9.5, 10.0))


def test_other_sounds_and_other_modalities_are_left_alone(film):
    segment = Segment({"video": [Medium(film, "video")]}, CONFIG, Draws(0.5))
    other = Medium(film.with_name("speech.wav"), "sound")
    assert segment.of("audio", other) is other
    assert segment.of("text", "words") == "words"


def test_a_broken_video_is_named(film):
    segment = Segment({}, CONFIG, None)
    with pytest.raises(BrokenSample, match="video 'gone': the file is missing"):
        segment.of("video", Medium(film.with_name("gone.mp4"), "video 'gone'"))


@pytest.fixture
def dataset(film, tokenizer, write):
    def build(training=True, **video):
        write(film.parent / "train.jsonl", [{"video": "a.mp4", "text": "grey"}] * 3)
        config = DataConfig(video={"size": 8, "frames": 4, "augment": {"shift": 0}, **video})
        source = open_source(film.parent / "train.jsonl")
        return Dataset(source, config, tokenizer, training=training, seed=1)

    return build


def levels(sample):
    return [float(frame.float().mean()) for frame in sample.values["video"]]


def test_the_stretch_follows_from_epoch_and_row(dataset):
    segments = dataset(sampling="random_segment", segment_seconds=1.0)
    segments.prepare()
    seen = [levels(segments.sample(row, epoch)) for row in range(3) for epoch in range(3)]
    assert len({tuple(one) for one in seen}) > 5
    assert seen == [levels(segments.sample(row, epoch)) for row in range(3) for epoch in range(3)]
    assert all(4 <= one[-1] - one[0] <= 24 for one in seen)  # never more than the second


def test_evaluation_takes_the_middle(dataset):
    segments = dataset(training=False, sampling="random_segment", segment_seconds=1.0)
    expected = [2 * tenth for tenth in (46, 48, 51, 53)]
    assert levels(segments.sample(0, 0)) == pytest.approx(expected, abs=2)


def test_videos_that_stay_the_same_are_kept_in_memory(dataset, film):
    uniform = dataset()
    assert uniform.prepare() == []
    film.unlink()
    assert uniform.sample(0, 0).values["video"].shape == (4, 3, 8, 8)


def test_clips_of_different_lengths_are_padded(dataset, film):
    long = dataset().sample(0, 0)
    short = dataset(frames_per_second=0.2).sample(1, 0)
    batch = collate([long, short], dataset().modalities)
    video = batch.inputs["video"]
    assert video.values.shape == (2, 4, 3, 8, 8)
    assert video.values.dtype == torch.uint8
    assert video.mask.tolist() == [[True] * 4, [True, True, False, False]]
