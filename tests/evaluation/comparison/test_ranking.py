"""Who is first, who is level with it, and what the page says of that in words."""

import math

import pytest
from tests.evaluation.comparison.made import contender, terms

from sensorium.evaluation.comparison import Comparison, Contender
from sensorium.evaluation.comparison.headlines import Headline
from sensorium.evaluation.comparison.ranking import rank
from sensorium.evaluation.comparison.verdict import verdict

ACCURACY = Headline("matching/accuracy")

FAR_APART = [
    contender("sum", [0.60, 0.62, 0.61], milliseconds=10),
    contender("gated", [0.80, 0.82, 0.81], milliseconds=20),
    contender("tensor", [0.80, 0.81, 0.82], milliseconds=15),
]


def said(contenders: list[Contender], overlap: float = 0.0) -> str:
    ranking = rank(ACCURACY, contenders, overlap)
    assert ranking is not None
    return " ".join(verdict(ranking, contenders))


def test_the_best_comes_first_and_the_rest_is_level_or_behind():
    ranking = rank(ACCURACY, FAR_APART, 0.0)
    assert [s.name for s in ranking.standings] == ["gated", "tensor", "sum"]
    assert [s.name for s in ranking.level] == ["tensor"]
    assert [s.name for s in ranking.behind] == ["sum"]
    assert ranking.best.mean == pytest.approx(0.81)
    assert ranking.standings[2].behind == pytest.approx(0.20)
    assert ranking.standings[2].chance < 0.001 < ranking.standings[1].chance
    assert ranking.best.by_seed == {0: 0.80, 1: 0.82, 2: 0.81}


def test_lower_can_be_better():
    figures = [contender(n, [0.5], **{"x/loss": loss}) for n, loss in (("a", 3.0), ("b", 2.0))]
    ranking = rank(Headline("x/loss"), figures, 0.0)
    assert [(s.name, s.behind) for s in ranking.standings] == [("b", 0.0), ("a", 1.0)]
    assert "b has the lowest x loss: 2 under one seed." in verdict(ranking, figures)


def test_only_seeds_that_all_have_finished_count():
    ranking = rank(ACCURACY, [FAR_APART[0], contender("gated", [0.7, 0.8])], 0.0)
    assert ranking.seeds == [0, 1]
    assert rank(ACCURACY, [Contender("sum", "sum")], 0.0) is None


def test_a_variant_that_broke_off_takes_no_part_and_is_named():
    broken = contender("low_rank", [0.99, 0.99], failures={2: "the loss is nan"})
    ranking = rank(ACCURACY, [*FAR_APART, broken], 0.0)
    assert len(ranking.standings) == 3
    assert ranking.seeds == [0, 1, 2]
    assert "low_rank takes no part, since its run under seed 2 broke off: the loss is nan" in said(
        [*FAR_APART, broken]
    )


def test_the_verdict_names_the_best_its_equals_and_the_cheapest():
    text = said(FAR_APART)
    assert text.startswith("gated has the highest matching accuracy: 81.0 % over 3 seeds.")
    assert "Within noise of it is tensor: differences below" in text
    assert "It is ahead of sum by more than noise." in text
    assert "Of these tensor is the fastest: 15 ms a step, and 20 ms for gated." in text
    assert "Three seeds are few. --seeds 5 adds" in text


def test_the_verdict_on_a_clear_winner_says_how_sure_it_is():
    text = said([FAR_APART[0], FAR_APART[1]])
    assert "It is ahead of sum by more than noise (of sum, the next, by 20.0 points" in text
    assert "fastest" not in text


def test_the_verdict_says_so_where_nothing_is_more_than_noise():
    level = [contender("a", [0.7, 0.8, 0.75]), contender("b", [0.8, 0.7, 0.74])]
    text = said(level)
    assert "But no difference is more than noise: none below" in text
    assert "Of these a is also the fastest" in text


def test_one_seed_is_no_verdict():
    ranking = rank(ACCURACY, [contender("a", [0.7]), contender("b", [0.2])], 0.0)
    assert ranking.noise.least == math.inf
    text = " ".join(verdict(ranking, []))
    assert "One seed cannot tell a difference from noise. --seeds 3 adds" in text
    assert "more than noise" not in text


def test_many_seeds_need_no_excuse():
    assert "few" not in said([contender("a", [0.7] * 5), contender("b", [0.8] * 5)])


def test_facts_for_programs():
    comparison = Comparison.of(terms(), FAR_APART, None)
    facts = comparison.facts()
    assert facts["metric"] == "matching/accuracy"
    assert [of["name"] for of in facts["figures"]] == ["matching accuracy", "R@1"]
    assert facts["figures"][0]["degrees_of_freedom"] == 4
    gated = facts["variants"][1]
    assert gated["figures"]["matching/accuracy"]["place"] == "best"
    assert gated["figures"]["matching/accuracy"]["by_seed"] == {"0": 0.80, "1": 0.82, "2": 0.81}
    assert gated["seconds_per_step"] == pytest.approx(0.02)
    assert facts["verdict"] == comparison.verdict
