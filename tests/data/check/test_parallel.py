"""Every row is looked at once and in order, also where a decoder ends its process."""

import os
from pathlib import Path

import pytest
from PIL import Image

from sensorium.data import DataConfig, open_source
from sensorium.data.check import examine
from sensorium.data.check.examine import Examiner
from sensorium.data.check.parallel import KILLED, examine_all


@pytest.fixture
def examiners(tmp_path: Path) -> list[Examiner]:
    made = []
    for name, count in [("train", 70), ("test", 3)]:
        (tmp_path / name).mkdir()
        for number in range(count):
            image = Image.new("RGB", (9, 9), (number, 90, 200))
            image.save(tmp_path / name / f"{number:02d}.png")
        made.append(Examiner(open_source(tmp_path / name, strict=False), DataConfig()))
    return made


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_row_in_order(examiners: list[Examiner], workers: int) -> None:
    found = [(number, one.row) for number, one in examine_all(examiners, workers)]
    assert found == [(0, row) for row in range(70)] + [(1, row) for row in range(3)]


def test_a_decoder_that_ends_its_process_ends_no_check(
    examiners: list[Examiner], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_image = examine.LOOKS["image"]

    def deadly(medium, config):
        if medium.name in ("picture '05.png'", "picture '69.png'"):
            os._exit(139)
        return look_at_image(medium, config)

    monkeypatch.setitem(examine.LOOKS, "image", deadly)
    found = list(examine_all(examiners, 2))
    assert [one.row for _, one in found] == [*range(70), *range(3)]
    broken = {(number, one.row): one.broken for number, one in found if one.broken}
    assert broken == {(0, 5): [KILLED], (0, 69): [KILLED]}


def test_an_error_that_nobody_thought_of_ends_no_check(
    examiners: list[Examiner], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(medium, config):
        raise ZeroDivisionError("by a hostile file")

    monkeypatch.setitem(examine.LOOKS, "image", wrong)
    found = list(examine_all(examiners, 1))
    assert len(found) == 73
    reason = "picture '00.png': ZeroDivisionError while it was decoded (by a hostile file)"
    assert found[0][1].broken == [reason]
