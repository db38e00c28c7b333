import io
import re

import pytest
from PIL import Image

from sensorium.deployment.sheet import Hit, write_sheet


@pytest.fixture
def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "green").save(file, "PNG")
    return file.getvalue()


def test_hits_are_shown_in_order_with_score_caption_and_id(tmp_path, picture):
    path = tmp_path / "sheet.html"
    hits = [Hit(1, 0.91234, "a:1", "a cat", picture), Hit(2, 0.5, "a:2", None, picture)]
    write_sheet(path, "cats", hits)
    page = path.read_text(encoding="utf-8")
    assert page.count("<img") == 2
    shown = [page.index(part) for part in ("cats</h1>", "0.912", "a cat</p>", "a:1</p>", "0.500")]
    assert shown == sorted(shown)


def test_a_picture_can_be_the_query(tmp_path, picture):
    path = tmp_path / "sheet.html"
    write_sheet(path, "mine.jpg", [], query_image=picture)
    page = path.read_text(encoding="utf-8")
    assert page.index("<img") < page.index("mine.jpg</h1>")


def test_a_broken_or_absent_picture_still_gives_a_page(tmp_path):
    path = tmp_path / "sheet.html"
    hits = [Hit(1, 0.9, "a:1", "x", b"broken"), Hit(2, 0.8, "a:2", None, None)]
    write_sheet(path, "cats", hits, query_image=b"broken")
    page = path.read_text(encoding="utf-8")
    assert "<img" not in page
    assert page.count("no picture to show") == 2


def test_words_are_shown_never_obeyed(tmp_path, picture):
    path = tmp_path / "sheet.html"
    evil = '"><script>alert(1)</script>'
    write_sheet(path, evil + "\ud800", [Hit(1, 0.9, evil, evil, picture)], query_image=picture)
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_nothing_is_loaded_from_outside(tmp_path, picture):
    path = tmp_path / "sheet.html"
    write_sheet(path, "cats", [Hit(1, 0.9, "a:1", "a cat", picture)])
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import", page)
    assert all(link.startswith("data:") for link in re.findall(r'(?:src|href)="([^"]*)"', page))
