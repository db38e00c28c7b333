"""The page on which places are drawn: what it shows, to whom, and in which colours."""

import io
from pathlib import Path

import pytest
from PIL import Image

from sensorium.data.marked import Mark, marked_picture
from sensorium.data.quarantine import BrokenSample
from sensorium.deployment.drawn import marks_of, write_drawn

FOUND = {"boxes": [[1, 2, 30, 20], [5, 5, 9, 9]], "labels": ["dog", "cat"], "scores": [0.91, 0.5]}


def picture(width: int = 60, height: int = 40) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(content, "PNG")
    return content.getvalue()


def test_marks_of_an_answer() -> None:
    colours = {"cat": 0}
    marks = marks_of({"id": "a", "detection": FOUND}, colours)
    assert marks is not None
    assert [(m.words, m.colour, m.score) for m in marks] == [("dog", 1, 0.91), ("cat", 0, 0.5)]
    assert colours == {"cat": 0, "dog": 1}
    (mark,) = marks_of({"grounding": {"box": [1, 2, 3, 4], "score": 0.7}}, {}) or []
    assert (mark.box, mark.score) == ([1, 2, 3, 4], 0.7)
    assert marks_of({"classification": {"label": "cat"}}, {}) is None
    assert marks_of({"error": "broken"}, {}) is None


def test_a_marked_picture_keeps_the_pixels_of_its_file() -> None:
    marks = [Mark([0, 0, 9, 9], "cat", 0), Mark([0, 0, 9, 9], "dog", 6), Mark([1, 1, 2, 2], "cat")]
    found = marked_picture(picture(1200, 800), marks, "a.png", side=100)
    assert (found.width, found.height) == (1200, 800)
    assert found.legend == [(0, "cat", 2), (1, "dog", 1)]
    with pytest.raises(BrokenSample):
        marked_picture(b"nothing", [], "b.png")


def test_the_page(tmp_path: Path) -> None:
    answers = [
        {"id": "a<b>.png", "detection": FOUND},
        {"id": "empty.png", "detection": {"boxes": [], "labels": [], "scores": []}},
        {"id": "gone.png", "detection": FOUND},
        {"id": "said.png", "error": "broken"},
    ]
    pictures = [picture(), picture(), b"damaged", None]
    shown = write_drawn(tmp_path / "p.html", "places", answers, pictures.__getitem__, ["cat"])
    page = (tmp_path / "p.html").read_text()
    assert shown == 2
    assert "2 pictures of 4 answers" in page
    assert "a&lt;b&gt;.png" in page
    assert 'x="1.0" y="2.0" width="29.0" height="18.0"' in page
    assert "dog 0.91" in page
    assert "nothing" in page
