"""Which figure decides, and what people are told where there is none such."""

import pytest

from sensorium.errors import RecipeError
from sensorium.evaluation.comparison.headlines import Headline, check_metric, deciding, present

OF_PAIRS = {
    "contrastive/image_to_text/recall_at_1": 0.2,
    "contrastive/text_to_image/recall_at_1": 0.4,
    "contrastive/text_to_image/median_rank": 7.0,
    "matching/accuracy": 0.7,
    "matching/reranked_image_to_text/recall_at_1": 0.5,
    "matching/reranked_text_to_image/recall_at_1": 0.7,
}


def test_a_pattern_is_the_mean_of_what_it_matches():
    assert Headline("contrastive/*_to_*/recall_at_1").of(OF_PAIRS) == pytest.approx(0.3)
    assert Headline("matching/accuracy").of(OF_PAIRS) == 0.7
    assert Headline("captioning/cider").of(OF_PAIRS) is None


def test_a_mean_over_anything_is_named_by_what_it_is():
    assert str(Headline("contrastive/*/recall_at_10")) == "contrastive recall at 10"


def test_of_errors_the_lower_is_better():
    lower = ["regression/mae", "regression/rmse", "captioning/perplexity"]
    assert all(Headline(pattern).lower_is_better for pattern in lower)
    assert not Headline("regression/r2").lower_is_better


def test_recall_and_re_ranked_recall_are_two_headlines():
    found = {str(headline): headline.of(OF_PAIRS) for headline in present(OF_PAIRS)}
    assert found == pytest.approx({"matching accuracy": 0.7, "re-ranked R@1": 0.6, "R@1": 0.3})


@pytest.mark.parametrize(
    ("metrics", "of_fusions", "pattern"),
    [
        (OF_PAIRS, True, "matching/accuracy"),
        ({**OF_PAIRS, "classification/accuracy": 1.0}, True, "classification/accuracy"),
        (["regression/mae", "regression/r2"], True, "regression/r2"),
        (list(OF_PAIRS)[:2], False, "contrastive/*_to_*/recall_at_1"),
    ],
)
def test_what_decides_where_nothing_is_asked_for(metrics, of_fusions, pattern):
    assert deciding(metrics, None, of_fusions=of_fusions).pattern == pattern


def test_what_is_asked_for_decides():
    asked = "contrastive/text_to_image/median_rank"
    headline = deciding(OF_PAIRS, asked, of_fusions=True)
    assert headline.pattern == asked
    assert headline.lower_is_better
    assert not headline.is_share
    assert str(headline) == "median rank, text → image"
    assert str(deciding(OF_PAIRS, "matching/accuracy", of_fusions=True)) == "matching accuracy"


def test_a_figure_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(RecipeError, match=r"matching/acuracy: no such figure; did you mean 'matc"):
        deciding(OF_PAIRS, "matching/acuracy", of_fusions=True)


def test_contrast_alone_cannot_choose_a_fusion():
    with pytest.raises(RecipeError, match="none of the figures that all variants have depends on"):
        deciding(list(OF_PAIRS)[:2], None, of_fusions=True)
    with pytest.raises(
        RecipeError, match="contrast, the only task, does not look at what is fused"
    ):
        check_metric(["contrastive"], None, of_fusions=True)
    check_metric(["contrastive"], None, of_fusions=False)
    check_metric(["contrastive", "matching"], None, of_fusions=True)


@pytest.mark.parametrize("asked", ["accuracy", "captioning/cider"])
def test_a_figure_of_no_task_is_refused_before_training(asked):
    with pytest.raises(RecipeError, match=r"expected a figure of contrastive or matching, named"):
        check_metric(["contrastive", "matching"], asked, of_fusions=True)
    check_metric(["contrastive", "matching"], "*/recall_at_1", of_fusions=True)
