import re

import pytest
import torch

from sensorium.evaluation.class_panel import class_facts, class_panel
from sensorium.evaluation.report import write_report
from sensorium.tasks.class_report import ClassReport, report_of_one, report_of_several


def confused(classes: int) -> ClassReport:
    """Ten samples of each class but the last two, of which two are taken for the next class."""
    truth = torch.arange(classes - 2).repeat(10)
    said = truth.clone()
    said[: 2 * (classes - 2)] += 1
    return report_of_one([f"kind {n}" for n in range(classes)], said, truth)


def test_the_worst_class_stands_first_and_those_that_never_came_last():
    panel = class_panel("classification", confused(5))
    assert panel.columns == ["precision", "recall", "F1"]
    names = [row.name for row in panel.rows]
    assert names[0] == "kind 3"  # nobody is one, and some are called so
    assert names[-1] == "kind 4"
    assert panel.rows[-1].shares == [None, None, None]
    assert panel.confused[0] == "kind 0, taken for kind 1: 2 of 10"
    assert len(panel.confused) == 3


@pytest.mark.parametrize(("classes", "numbered", "named"), [(4, 1, 1), (30, 0, 1), (100, 0, 0)])
def test_a_drawing_says_as_much_as_there_is_room_for(classes, numbered, named):
    drawing = class_panel("classification", confused(classes)).confusion
    assert drawing is not None
    assert len(drawing.cells) == 2 * (classes - 2)
    assert all(bool(cell.count) == numbered for cell in drawing.cells)
    assert len(drawing.labels) == named * classes
    assert drawing.side < 700
    right = [cell for cell in drawing.cells if cell.right]
    assert all(cell.share == 0.8 for cell in right)
    assert all(cell.x == cell.y for cell in right)


def test_more_classes_than_the_eye_can_tell_are_not_drawn():
    panel = class_panel("classification", confused(101))
    assert panel.confusion is None
    assert len(panel.confused) == 10


def test_the_page_holds_table_drawing_and_pairs(tmp_path):
    write_report(
        tmp_path / "a.html",
        title="t",
        summary={},
        curves=[],
        classes={"classification": confused(4)},
    )
    page = (tmp_path / "a.html").read_text()
    assert "Classes: classification" in page
    assert "kind 1, taken for kind 2: 2 of 10" in page
    assert len(re.findall(r'<rect class="right"', page)) == 2
    assert "80.0%" in page


def test_facts_are_fit_for_json():
    facts = class_facts(confused(4))
    assert facts["kind 0"] == {
        "support": 10, "precision": 1.0, "recall": pytest.approx(0.8), "f1": pytest.approx(8 / 9)
    }  # fmt: skip
    assert facts["kind 3"]["precision"] is None
    truth = torch.tensor([[True, False], [False, False]])
    several = report_of_several(["a", "b"], truth.float(), truth, truth)
    assert class_facts(several)["a"]["average_precision"] == 1.0
    assert class_panel("classification", several).columns[-1] == "average precision"
