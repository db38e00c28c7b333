"""Broken samples are named once, and a run stops only past its budget."""

import json
from pathlib import Path

import pytest

from sensorium.data import Broken, Quarantine
from sensorium.errors import FailureBudgetError


def test_each_is_written_once_also_across_resumes(tmp_path: Path) -> None:
    path = tmp_path / "run/quarantine.jsonl"
    for _ in range(2):
        quarantine = Quarantine(path, total=100, budget=0.1)
        quarantine.add("a.jsonl:1", "原因")
        quarantine.add("a.jsonl:1", "原因")
        quarantine.add("a.jsonl:2", "second")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"id": "a.jsonl:1", "reason": "原因"},
        {"id": "a.jsonl:2", "reason": "second"},
    ]
    assert len(quarantine) == 2


def test_flaws_are_written_once_and_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    flaws = [Broken("a.jsonl:1", "box [0, 0, 0, 1] has no area"), Broken("a.jsonl:1", "another")]
    for _ in range(2):
        quarantine = Quarantine(path, total=1, budget=0)
        quarantine.add_flaws([*flaws, flaws[0]])
        assert len(quarantine) == 0
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [{"id": f.id, "reason": f.reason, "used": True} for f in flaws]


def test_what_was_found_since_is_said(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.jsonl", total=100, budget=1)
    assert quarantine.since() == []
    quarantine.add("a.jsonl:1", "no text")
    quarantine.add("a.jsonl:2", "no image")
    quarantine.add_flaws([Broken("a.jsonl:3", "a box")])
    where = f"; see {quarantine.path}"
    rows = "of 100 rows {} broken and left out; the first: a.jsonl:{}{}"
    assert quarantine.since(flaws=1) == ["2 " + rows.format("are", "1: no text", where)]
    assert quarantine.since(broken=1) == [
        "1 " + rows.format("is", "2: no image", where),
        f"1 box is faulty, and left out or cut; the first: a.jsonl:3: a box{where}",
    ]


def test_half_a_line_left_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    path.write_text('{"id": "a", "reason": "x"}\n{"id": "b", "rea')
    quarantine = Quarantine(path, total=100, budget=1)
    quarantine.add("b", "y")
    assert path.read_text().splitlines()[-1] == '{"id": "b", "reason": "y"}'
    assert len(Quarantine(path, total=100, budget=1)) == 2


def test_nothing_is_written_where_nothing_is_broken(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.jsonl", total=5, budget=0)
    quarantine.add_all([])
    assert not quarantine.path.exists()


def test_the_budget_is_a_share_of_the_rows() -> None:
    quarantine = Quarantine(None, total=100, budget=0.29)
    quarantine.add_all([Broken(str(i), "x") for i in range(29)])
    with pytest.raises(FailureBudgetError, match="30 of 100 rows are broken"):
        quarantine.add("last", "x")


def test_all_are_written_before_the_budget_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.jsonl"
    broken = [Broken(f"a.jsonl:{i}", f"reason {i}") for i in range(13)]
    with pytest.raises(FailureBudgetError) as caught:
        Quarantine(path, total=1000, budget=0).add_all(broken)
    assert len(path.read_text().splitlines()) == 13
    lines = str(caught.value).splitlines()
    assert lines[0] == "13 of 1,000 rows are broken, more than data.failure_budget=0 allows:"
    assert lines[1:11] == [f"  a.jsonl:{i}: reason {i}" for i in range(10)]
    assert lines[11] == f"  … and 3 more, see {path}"
    assert lines[12] == "Fix or remove them, or raise the budget: data.failure_budget=0.013"


def test_a_resumed_run_that_is_still_broken_stops_again(tmp_path: Path) -> None:
    for _ in range(2):
        quarantine = Quarantine(tmp_path / "quarantine.jsonl", total=10, budget=0)
        with pytest.raises(FailureBudgetError, match="1 of 10 rows is broken"):
            quarantine.add("a", "x")
