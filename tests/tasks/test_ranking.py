import pytest
import torch

from sensorium.tasks.ranking import retrieval_figures, target_ranks


def test_ranks_count_from_one():
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.3, 0.2, 0.1]])
    assert target_ranks(similarity, torch.tensor([0, 2])).tolist() == [1, 3]


def test_a_model_that_gives_everything_the_same_score_ranks_last():
    assert target_ranks(torch.zeros(2, 4), torch.tensor([0, 1])).tolist() == [4, 4]


def test_figures():
    figures = retrieval_figures(torch.tensor([1, 2, 6, 11]))
    assert figures == pytest.approx(
        {"recall_at_1": 0.25, "recall_at_5": 0.5, "recall_at_10": 0.75, "median_rank": 4.0}
    )
