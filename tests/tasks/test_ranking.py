import pytest
import torch

from sensorium.tasks.ranking import chance, first_hit_ranks, retrieval_figures


def belonging(*columns: int, of: int) -> torch.Tensor:
    """One candidate for each query."""
    return torch.arange(of) == torch.tensor(columns)[:, None]


def test_ranks_count_from_one():
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.3, 0.2, 0.1]])
    assert first_hit_ranks(similarity, belonging(0, 2, of=3)).tolist() == [1, 3]


@pytest.mark.parametrize("score", [0.0, float("nan")])
def test_a_model_that_gives_everything_the_same_score_or_none_ranks_last(score):
    similarity = torch.full((2, 4), score)
    assert first_hit_ranks(similarity, belonging(0, 1, of=4)).tolist() == [4, 4]


def test_the_first_of_several_hits_counts():
    similarity = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
    relevant = torch.tensor([[False, True, False, True]])
    assert first_hit_ranks(similarity, relevant).tolist() == [2]


def test_figures():
    figures = retrieval_figures(torch.tensor([1, 2, 6, 11]))
    assert figures == pytest.approx(
        {"recall_at_1": 0.25, "recall_at_5": 0.5, "recall_at_10": 0.75, "median_rank": 4.0}
    )


def test_chance_is_the_share_of_candidates_that_are_right():
    relevant = torch.tensor([[True, True, False, False], [False, False, False, True]])
    assert chance(relevant) == pytest.approx((0.5 + 0.25) / 2)
