"""The page says what the comparison found, and stands alone."""

import html
import re

import pytest
from tests.evaluation.comparison.made import contender, terms

from sensorium.evaluation.comparison import Comparison
from sensorium.evaluation.comparison.charts import spread
from sensorium.evaluation.comparison.page import write_comparison

ROWS = [{"step": 10 * i, "train/matching/loss": 1 / i, "validation/x": 1.0} for i in range(1, 9)]


@pytest.fixture
def write(tmp_path):
    def page(contenders, **changed) -> str:
        comparison = Comparison.of(terms(**changed), contenders, None)
        curves = {one.name: [ROWS for _ in one.runs] for one in contenders}
        write_comparison(tmp_path / "report.html", comparison, curves)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return page


def words(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.S)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def test_the_page_asks_answers_and_shows(write):
    withheld = {"text": {"matching/accuracy": 0.5}}
    page = write(
        [
            contender("gated", [0.80, 0.82, 0.81], withheld=withheld, milliseconds=20),
            contender("sum", [0.60, 0.62, 0.61], withheld=withheld),
        ],
        left_out={"masked_language": "needs fused tokens"},
        kept={"width": 128},
    )
    text = words(page)
    assert "Which fusion for emoji?" in text
    assert (
        "2 variants of the recipe emoji, each trained from scratch under the same 3 seeds" in text
    )
    assert "for 20% of the recipe's length, which is 100 steps, and no more" in text
    assert "Judged on 300 rows held out of the training set; the test set was not looked at" in text
    assert "since some variant cannot learn it: masked_language" in text
    assert "The recipe's width 128 hold" in text
    assert "gated has the highest matching accuracy: 81.0 % over 3 seeds." in text
    assert "20.0 points behind" in text
    assert "81.0 ± " in text
    assert "Milliseconds a step" in text
    assert "nothing text gated 81.0 % 50.0 %" in text
    assert "Learning: matching, loss" in text
    assert "1/3 + 0.100" in text
    assert "runs are finished" not in text
    assert page.count('<polyline class="own"') == 6
    assert page.count('href="fusion=gated/seed=0/report.html"') == 1


def test_the_page_asks_nothing_of_the_network(write):
    page = write([contender("gated", [0.8]), contender("sum", [0.6])], seeds=1)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_names_are_shown_and_not_obeyed(write):
    page = write([contender("<b>gated</b>", [0.8]), contender("sum", [0.6])])
    assert "<b>gated" not in page
    assert "&lt;b&gt;gated" in page


def test_one_seed_draws_no_bars(write):
    page = write([contender("gated", [0.8]), contender("sum", [0.6])], seeds=1)
    assert "bars that do not overlap" not in page
    assert "±" not in words(page).split("All figures")[1].split("What it costs")[0].replace(
        "mean over the seeds ±", ""
    )
    assert "One seed cannot tell a difference from noise." in words(page)


def test_a_comparison_that_is_not_finished_says_so(write):
    page = write([contender("gated", [0.8, 0.7]), contender("sum", [0.6])])
    assert "3 of 6 runs are finished" in words(page)


def test_what_no_figure_can_do_without_is_said(write):
    page = write([contender("gated", [0.8]), contender("sum", [0.6])])
    assert "None of these figures can be computed with a modality withheld" in words(page)


@pytest.mark.parametrize("places", [[50, 50, 50], [0, 1, 2, 90], [10], [90, 30, 31]])
def test_names_are_spread_so_that_none_covers_another(places):
    moved = spread(places, 5.0)
    gaps = [b - a for a, b in zip(sorted(moved), sorted(moved)[1:], strict=False)]
    assert all(gap >= 5 - 1e-9 for gap in gaps)
    assert sum(moved) == pytest.approx(sum(places))
    assert sorted(range(len(places)), key=lambda i: (places[i], i)) == sorted(
        range(len(places)), key=moved.__getitem__
    )
