from fractions import Fraction
from random import Random

import av
import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from tests.films import TURNS, grey, grey_levels, tone, turn, write_film

from sensorium.data.film import VideoTrack, frames_shown, open_film
from sensorium.data.quarantine import BrokenSample
from sensorium.data.video import VideoConfig, augment_video, decode_video, part_of


def decoded(path, start=None, end=None, **config):
    return decode_video(path, VideoConfig(**{"size": 8, **config}), start, end)


def levels(video):
    """The grey level of each frame."""
    return [round(float(frame.float().mean())) for frame in video]


def close(found, expected, within=2):
    assert len(found) == len(expected)
    assert all(abs(a - b) <= within for a, b in zip(found, expected, strict=True)), (
        found,
        expected,
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.ts", "libx264"),
        ("a.mp4", "libx265"),
        ("a.webm", "libvpx-vp9"),
        ("a.mkv", "libsvtav1"),
        ("a.avi", "mpeg4"),
        ("a.mov", "prores_ks"),
    ],
)
def test_frames_in_the_middle_of_equal_parts(tmp_path, name, codec):
    pixel_format = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    large = [np.kron(picture, np.ones((4, 4, 1), np.uint8)) for picture in grey_levels(100)]
    film = write_film(tmp_path / name, large, codec=codec, pixel_format=pixel_format)
    video = decoded(film, frames=4)
    assert video.shape == (4, 3, 8, 8)
    assert video.dtype == torch.uint8
    close(levels(video), [24, 74, 124, 174], within=4)  # frames 12, 37, 62 and 87 of 100


def test_bytes_are_decoded_as_files_are(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(10))
    assert torch.equal(decoded(film), decoded(film.read_bytes()))


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv422p"])
def test_other_pixel_formats(tmp_path, pixel_format):
    film = write_film(tmp_path / "a.mp4", grey_levels(20, 10), pixel_format=pixel_format)
    close(levels(decoded(film, frames=2)), [50, 150], within=3)


@pytest.mark.parametrize("turned", TURNS)
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_a_turned_camera_is_turned_back(tmp_path, turned, fit):
    picture = grey(60, 64, 32)
    picture[:16, :32] = 230  # the upper left corner of what the sensor saw
    film = turn(write_film(tmp_path / "a.mp4", [picture] * 3), turned)
    frame = decoded(film, size=16, fit=fit, frames=1)[0, 0].float()
    bright = (frame > 200) & (frame < 245)
    corner = {
        "none": (0, 0),
        "clockwise": (0, 1),
        "counterclockwise": (1, 0),
        "half": (1, 1),
        "mirrored": (0, 1),
    }[turned]
    for down in (0, 1):
        for right in (0, 1):
            quarter = bright[8 * down : 8 * down + 8, 8 * right : 8 * right + 8]
            assert bool(quarter.any()) == ((down, right) == corner)
    if fit == "pad":  # the picture keeps its shape: white beside a high one, above a wide one
        upright = turned in ("clockwise", "counterclockwise")
        white = (frame > 250).all(dim=0 if upright else 1)
        assert white.sum() == 8


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_of_a_variable_rate_the_frame_shown_at_the_moment_is_taken(tmp_path, name):
    times = [0.0, 0.1, 0.15, 2.0, 2.05, 3.0, 3.5, 3.9]
    film = write_film(tmp_path / name, grey_levels(8, 20), times=times)
    with open_film(film) as opened:
        moments = [0.05, 0.12, 1.0, 1.95, 2.02, 2.9]
        shown = frames_shown(opened, moments, lambda frame: frame.start_seconds)
    assert shown == pytest.approx([0.0, 0.1, 0.15, 0.15, 2.0, 2.05], abs=0.002)


def test_a_short_video_gives_each_frame_once(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(3, 40))
    close(levels(decoded(film, frames=8)), [0, 40, 80])


def test_a_picture_is_a_clip_of_one_frame(tmp_path):
    Image.fromarray(grey(77)).save(tmp_path / "a.png")
    assert decoded(tmp_path / "a.png").shape == (1, 3, 8, 8)
    close(levels(decoded(tmp_path / "a.png")), [77])


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (8, [50, 150]),  # 2 seconds at 1 a second: in the middle of each
        (1, [100]),  # more than may be: spread evenly
    ],
)
def test_frames_by_rate(tmp_path, frames, expected):
    film = write_film(tmp_path / "a.mp4", grey_levels(20, 10), rate=10)
    close(levels(decoded(film, frames=frames, frames_per_second=1)), expected)


def test_a_part(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(100), g=10)
    close(levels(decoded(film, 2.0, 3.0, frames=2)), [2 * 56, 2 * 68])
    close(levels(decoded(film, 3.6, 99.0, frames=1)), [2 * 95])  # to the end of the file
    close(levels(decoded(film, None, 0.4, frames=2)), [2 * 2, 2 * 7])


@pytest.mark.parametrize("start", [4.0, 50.0])
def test_a_part_behind_the_end_is_named(tmp_path, start):
    film = write_film(tmp_path / "a.mp4", grey_levels(100))
    with pytest.raises(
        BrokenSample, match=rf"from {start:g} s on cannot be shown: .* 4\.00 s long"
    ):
        decoded(film, start, start + 2)


def test_a_part_that_ends_before_it_begins_is_named(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(100))
    with pytest.raises(BrokenSample, match="begins before it ends, got 2 s to 1 s"):
        decoded(film, 2.0, 1.0)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
@pytest.mark.parametrize("keyframes_apart", [5, 60, 250])
def test_sought_frames_are_those_that_decoding_all_gives(tmp_path, name, keyframes_apart):
    codec = "mpeg4" if name == "a.avi" else "libx264"
    film = write_film(tmp_path / name, grey_levels(250, 1), rate=10, codec=codec, g=keyframes_apart)
    moments = [1.3, 1.4, 7.7, 12.0, 12.1, 19.9, 24.93]
    with open_film(film) as opened:
        everything = [(f.start_seconds, f.end_seconds) for f in opened.frames()]
    expected = [max(start for start, _ in everything if start <= m + 0.001) for m in moments]
    with open_film(film) as opened:
        shown = frames_shown(opened, moments, lambda frame: frame.start_seconds)
    assert shown == pytest.approx(expected)


def test_a_file_that_does_not_say_how_long_it_is(tmp_path):
    film = write_film(tmp_path / "a.h264", grey_levels(50, 4))
    close(levels(decoded(film, frames=2)), [4 * 12, 4 * 37])


def test_gif(tmp_path):
    pictures = [Image.fromarray(grey(level)) for level in (0, 100, 200)]
    pictures[0].save(
        tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[200, 1600, 200]
    )
    close(levels(decoded(tmp_path / "a.gif")), [0, 100, 200])
    close(levels(decoded(tmp_path / "a.gif", frames=3)), [100, 100, 100])
    close(levels(decoded(tmp_path / "a.gif", 0.3, 1.7)), [100])


@pytest.mark.parametrize("format", ["WEBP", "PNG"])
def test_animated_webp_and_png(tmp_path, format):
    pictures = [Image.fromarray(grey(level)) for level in (0, 100, 200)]
    film = tmp_path / f"a.{format.lower()}"
    pictures[0].save(
        film, format, save_all=True, append_images=pictures[1:], duration=[100, 300, 200]
    )
    close(levels(decoded(film)), [0, 100, 200])
    close(levels(decoded(film.read_bytes(), 0.2, 0.5)), [100, 200])


@pytest.mark.parametrize("kind", ["gif", "webp", "mov", "webm"])
def test_the_background_shows_through(tmp_path, kind):
    picture = np.zeros((24, 32, 4), np.uint8)
    picture[:, 16:] = (0, 0, 0, 255)
    film = tmp_path / f"a.{kind}"
    if kind == "mov":
        write_film(film, [picture] * 3, codec="prores_ks", pixel_format="yuva444p10le")
    elif kind == "webm":
        write_film(film, [picture] * 3, codec="libvpx-vp9", pixel_format="yuva420p")
    else:
        second = Image.fromarray(picture[::-1].copy())
        Image.fromarray(picture).save(film, save_all=True, append_images=[second], duration=100)
    frame = decoded(film, frames=1, fit="stretch", background="#ff0000")[0].float()
    assert frame[0, :, 0].min() > 240
    assert frame[1, :, 0].max() < 15
    assert frame[:, :, 7].max() < 15


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    film = write_film(tmp_path / "a.mkv", [grey(128, 32, 32)] * 3, pixel_aspect=Fraction(2))
    frame = decoded(film, fit="pad", size=16)[0, 0]
    assert (frame < 250).all(dim=1).sum() == 8  # twice as wide as high


def truncated(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def noise(frames):
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (48, 64, 3)).astype(np.uint8) for _ in range(frames)]


def test_of_a_truncated_file_the_frames_that_are_there_are_taken(tmp_path):
    film = truncated(write_film(tmp_path / "a.mkv", noise(100), g=10), 0.5)
    video = decoded(film, frames=8)
    assert 3 <= len(video) <= 5


def test_a_file_cut_off_before_its_index_is_broken(tmp_path):
    film = truncated(write_film(tmp_path / "a.mp4", noise(50)), 0.5)
    with pytest.raises(BrokenSample, match="truncated, damaged or no sound or video"):
        decoded(film)


def test_a_damaged_place_is_passed_over(tmp_path):
    film = write_film(tmp_path / "a.mkv", noise(50), g=5)
    data = bytearray(film.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    film.write_bytes(data)
    assert len(decoded(film, frames=8)) >= 4


def test_a_file_without_frames_is_broken(tmp_path):
    film = write_film(tmp_path / "a.mkv", noise(20))
    data = film.read_bytes()
    begin = data.find(b"\x1f\x43\xb6\x75")  # the first cluster
    film.write_bytes(data[: begin + 40])
    with pytest.raises(BrokenSample, match="no frame of it can be decoded"):
        decoded(film)


def test_a_sound_without_pictures_is_no_video(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(10), sound=tone(0, 0.4))
    with av.open(str(film)) as source, av.open(str(tmp_path / "a.m4a"), "w") as only:
        stream = only.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                only.mux(packet)
    with pytest.raises(BrokenSample, match="no video stream in it, only audio"):
        decoded(tmp_path / "a.m4a")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"hello, this is no video" * 50, "not a sound or video file|truncated, damaged"),
        (b"\x89PNG\r\n\x1a\nbroken", "the picture is truncated or damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "the picture is truncated or damaged"),
    ],
)
def test_what_is_no_video_is_broken(content, reason):
    with pytest.raises(BrokenSample, match=reason):
        decoded(content)


def test_a_missing_file_is_broken(tmp_path):
    with pytest.raises(BrokenSample, match="the file is missing"):
        decoded(tmp_path / "gone.mp4")


def test_too_many_pixels_and_seconds_are_refused(tmp_path):
    film = write_film(tmp_path / "a.mp4", grey_levels(50))
    with pytest.raises(
        BrokenSample, match=r"32 x 24 pixels, more than data\.video\.max_pixels=700"
    ):
        decoded(film, max_pixels=700)
    with pytest.raises(BrokenSample, match=r"2 s long, more than data\.video\.max_seconds=1"):
        decoded(film, max_seconds=1)
    assert len(decoded(film, 0.5, 1.0, max_seconds=1)) == 8


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    monkeypatch.setattr(PngImageFile, "load", lambda picture: pytest.fail("it was decoded"))
    with pytest.raises(BrokenSample, match="64 x 48 pixels"):
        decoded(tmp_path / "a.png", max_pixels=700)


def test_a_long_file_is_sought_through_and_not_decoded(tmp_path, monkeypatch):
    film = write_film(tmp_path / "a.mp4", grey_levels(4000, 0), g=25)
    decoded_frames = []
    frame = VideoTrack._frame
    monkeypatch.setattr(
        VideoTrack, "_frame", lambda *given: decoded_frames.append(1) or frame(*given)
    )
    assert len(decoded(film, frames=4)) == 4
    assert len(decoded_frames) < 4 * 30


def test_augmentation_is_the_same_for_all_frames():
    one = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    config = VideoConfig(augment={"shift": 0.5, "flip": 0.5, "colour_jitter": 0.4})
    draws = [augment_video(one.expand(4, -1, -1, -1), config, Random(seed)) for seed in range(5)]
    for clip in draws:
        assert all(torch.equal(frame, clip[0]) for frame in clip)
    assert any(not torch.equal(draws[0], other) for other in draws[1:])


def test_the_part_of_a_film():
    class TenSeconds:
        seconds = 10.0

    assert part_of(TenSeconds(), None, None) == (0.0, 10.0)
    assert part_of(TenSeconds(), 2.0, 3.0) == (2.0, 3.0)
    assert part_of(TenSeconds(), 2.0, 30.0) == (2.0, 10.0)
