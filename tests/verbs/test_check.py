"""Whole checks, from a path or a recipe to a report and its page."""

import json
import os
import re
from pathlib import Path

import pytest
from tests.films import grey_levels, write_film
from tests.labelled import labelled_tree, write_labelled
from tests.pairs import read_rows, tiny_tree, write_pairs, write_recipe, write_rows

import sensorium
from sensorium.data.check import Report
from sensorium.errors import DataError
from sensorium.verbs.listeners import Listeners


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`train.jsonl` and `test.jsonl`, with a picture in both and a broken one."""
    folder = write_pairs(tmp_path / "data", train=24)
    (folder / "3.png").write_bytes(b"")
    (folder / "25.png").write_bytes((folder / "5.png").read_bytes())
    return folder


def names(report: Report) -> list[str]:
    return [one.name for one in report.sets]


def test_a_folder_of_two_sets(data: Path) -> None:
    notes: list[str] = []
    work: list[tuple[str, int, int]] = []
    listeners = Listeners(on_note=notes.append, on_work=lambda *done: work.append(done))
    report = sensorium.check(data, workers=1, listeners=listeners)
    assert names(report) == ["train", "test"]
    assert [one.samples for one in report.sets] == [24, 8]
    assert [broken.id for broken in report.sets[0].broken] == ["train.jsonl:4"]
    (leak,) = report.leaks
    assert [member.id for member in leak.members] == ["train.jsonl:6", "test.jsonl:2"]
    assert work[-1] == ("checking", 32, 32)
    assert report.samples_per_second == pytest.approx(32 / report.seconds)
    assert any("guessed" in note for note in notes)


def test_against_another_set(data: Path) -> None:
    report = sensorium.check(data / "test.jsonl", against=data / "train.jsonl", workers=1)
    assert names(report) == ["test", "train"]
    assert len(report.leaks) == 1
    alone = sensorium.check(data / "test.jsonl", workers=1)
    assert names(alone) == ["test"]
    assert not alone.leaks
    with pytest.raises(DataError, match="that is the set to be checked"):
        sensorium.check(data / "test.jsonl", against=data / "test.jsonl")


def test_a_recipe(data: Path, tmp_path: Path) -> None:
    rows = read_rows(data / "test.jsonl")
    write_rows(data / "test.jsonl", [{**row, "text": ""} for row in rows[:1]] + rows[1:])
    recipe = write_recipe(tmp_path / "tiny.yaml", tiny_tree(data, steps=1))
    report = sensorium.check(recipe, workers=1)
    assert names(report) == ["train", "test"]
    assert [one.reason for one in report.sets[1].broken] == ["no text: nothing in 'text'"]


def test_a_recipe_says_which_targets_no_training_could_read(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "data")
    rows = read_rows(data / "test.jsonl")
    rows[0]["colour"], rows[1]["brightness"] = "gren", "many"
    write_rows(data / "test.jsonl", rows)
    recipe = write_recipe(tmp_path / "tiny.yaml", labelled_tree(data, steps=1))
    report = sensorium.check(recipe, workers=1)
    assert [(one.id, one.reason.partition(" (")[0]) for one in report.sets[1].broken] == [
        (
            "test.jsonl:1",
            "label: 'gren' is no class of the training set; did you mean 'green'?",
        ),
        ("test.jsonl:2", "number: expected a finite number, got 'many'"),
    ]
    assert not report.sets[0].broken


def test_a_set_that_cannot_be_opened_is_broken_beside_others(data: Path) -> None:
    (data / "val.parquet").write_text("no Parquet")
    report = sensorium.check(data, workers=1)
    (broken,) = report.sets[-1].broken
    assert broken.id == "val.parquet"
    assert "not a Parquet file" in broken.reason
    with pytest.raises(DataError, match="not a Parquet file"):
        sensorium.check(data / "val.parquet")


def test_no_data(tmp_path: Path, sensorium) -> None:
    answer = sensorium("check", tmp_path / "nothing")
    assert answer.status == 1
    assert "no data at" in answer.err
    assert "Traceback" not in answer.err


def test_the_page_holds_all_that_it_shows(data: Path, tmp_path: Path) -> None:
    rows = read_rows(data / "train.jsonl")
    rows[0]["text"] = "<script>alert(1)</script>"
    write_rows(data / "train.jsonl", [*rows, {"file_name": "0.png", "text": " "}])
    page = tmp_path / "deep" / "check.html"
    sensorium.check(data, html=page, workers=1)
    html = page.read_text()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    assert html.count('src="data:image/webp;base64,') > 5
    for said in ("train.jsonl:4", "0 bytes", "empty caption", "Leaks", "test.jsonl:2"):
        assert said in html


def test_videos_can_be_played_on_the_page(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", grey_levels(50))
    write_rows(tmp_path / "train.jsonl", [{"video": "a.mp4"}])
    sensorium.check(tmp_path, html=tmp_path / "check.html", workers=1)
    html = (tmp_path / "check.html").read_text()
    assert '<video src="data:video/mp4;base64,' in html
    assert "media-src data:" in html
    assert len(html) < 50_000


def test_names_that_are_not_utf_8(tmp_path: Path, sensorium) -> None:
    try:
        (tmp_path / os.fsdecode(b"bad\xff.png")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    assert r"bad\udcff.png" in sensorium("check", tmp_path, "--workers", 1).out
    answer = sensorium("check", tmp_path, "--workers", 1, "--json")
    assert json.loads(answer.out)["sets"][0]["broken"][0]["id"] == os.fsdecode(b"bad\xff.png")


def test_exit_status(data: Path, sensorium) -> None:
    answer = sensorium("check", data, "--workers", 1)
    assert answer.status == 1, "a picture is broken"
    assert "train.jsonl:4" in answer.out
    assert "samples/s" in answer.out
    rows = read_rows(data / "train.jsonl")
    write_rows(data / "train.jsonl", rows[:3] + rows[4:])
    assert sensorium("check", data, "--workers", 1).status == 0
    assert sensorium("check", data, "--workers", 1, "--strict").status == 1, "a picture leaks"
    assert sensorium("check", data / "train.jsonl", "--workers", 1, "--strict").status == 0


def test_json(data: Path, tmp_path: Path, sensorium) -> None:
    answer = sensorium("check", data, "--json", "--html", tmp_path / "page.html", "--workers", 1)
    found = json.loads(answer.out)
    assert found["counts"]["broken"] == found["counts"]["leaks"] == 1
    assert found["sets"][0]["broken"][0]["id"] == "train.jsonl:4"
    assert found["groups"][0]["members"][1] == {"set": "test", "id": "test.jsonl:2", "row": 1}
    assert found["sets"][1]["columns"][0]["measures"]["width_pixels"]["median"] == 16
    assert (tmp_path / "page.html").is_file()
