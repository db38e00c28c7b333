"""The page of explanations: everything on it, nothing from outside, nothing obeyed."""

import re
from pathlib import Path

import pytest
import torch

from sensorium.batch import Sample
from sensorium.deployment.explain.heat import COLD, WARM, peak_of, shade
from sensorium.deployment.explain.page import Explained, write_explanations

EVIL = '"><script>alert(1)</script>'
GRID = [[0.5, -1.0], [0.0, 0.25]]


@pytest.fixture
def page(tmp_path: Path) -> str:
    sample = Sample(
        "a:1",
        {
            "image": torch.zeros(3, 8, 8, dtype=torch.uint8),
            "text": torch.zeros(3, dtype=torch.int64),
            "audio": torch.ones(20, 8),
            "video": torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        },
    )
    explanation = {
        "said": EVIL,
        "score": 2.5,
        "unit": "log-odds",
        "score_without": -1.0,
        "modalities": {
            "image": {"grid": GRID},
            "text": {"words": [EVIL, "is"], "relevance": [2.0, -0.5]},
            "audio": {"grid": GRID, "seconds": 0.2},
            "video": {"grids": [GRID, GRID]},
        },
        "shares": {"image": 3.0, "text": 1.0, "audio": -0.5, "video": 0.0},
        "withheld": {"image": 2.0, "text": 0.5, "audio": -0.5, "video": 0.0},
    }
    answer = {"classification": {"label": EVIL, "probabilities": {EVIL: 0.75, "dog": 0.25}}}
    path = tmp_path / "page.html"
    write_explanations(
        path, [Explained("a:1", sample, answer, {"classification": explanation})], of=9
    )
    return path.read_text(encoding="utf-8")


def test_answers_shares_and_heat_are_shown(page):
    assert "The first 1 of 9 answers." in page
    assert "log-odds 2.5; -1 with nothing seen" in page
    assert page.count('class="heat"') == 1 + 1 + 2
    for shown in ("0.750", "+3", "-0.5", "0.2 s", "a:1</h2>"):
        assert shown in page
    assert page.count('class="for"') + page.count('class="against"') == 4


def test_nothing_is_loaded_or_obeyed(page):
    assert "<script" not in page
    assert not re.search(r"https?://|url\(|@import", page)
    assert all(link.startswith("data:") for link in re.findall(r'(?:src|href)="([^"]*)"', page))


def test_what_speaks_against_is_cold_and_the_strongest_is_strongest():
    assert shade(2.0, 2.0).startswith(f"rgba({', '.join(map(str, WARM))}, 0.82")
    assert shade(-1.0, 2.0).startswith(f"rgba({', '.join(map(str, COLD))}, 0.41")
    assert shade(0.0, 0.0).endswith("0.00)")
    assert peak_of([GRID]) == 1.0
