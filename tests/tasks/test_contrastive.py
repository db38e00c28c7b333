import math

import pytest
import torch
from tests.conftest import small_batch, small_model

from sensorium.batch import Batch, Inputs
from sensorium.tasks.contrastive import Contrastive, ContrastiveConfig, contrastive_loss, same_pairs
from sensorium.tasks.task import Encoded


def test_the_loss_is_its_formula():
    torch.manual_seed(0)
    s = torch.randn(4, 4, dtype=torch.float64)
    expected = 0.0
    for i in range(4):
        row = s[i].exp() / s[i].exp().sum()
        column = s[:, i].exp() / s[:, i].exp().sum()
        expected += -(row[i].log() + column[i].log()) / 2
    torch.testing.assert_close(contrastive_loss(s), expected)


def test_a_pair_that_is_the_same_under_two_ids_is_no_negative():
    s = torch.zeros(3, 3)
    same = torch.eye(3, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    torch.testing.assert_close(
        contrastive_loss(s, same), torch.tensor(2 * math.log(2) + math.log(3))
    )


def test_equal_texts_are_found_whatever_their_row():
    ids = torch.tensor([[1, 5, 2], [1, 6, 2], [1, 5, 2]])
    present = torch.tensor([True, False, True, True])
    batch = Batch(
        list("abcd"),
        {
            "image": Inputs(torch.zeros(4, 3, 2, 2), None, torch.ones(4, dtype=torch.bool)),
            "text": Inputs(ids, torch.ones(3, 3, dtype=torch.bool), present),
        },
    )
    same = same_pairs(batch, ("image", "text"), torch.tensor([0, 2, 3]))
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]


def test_the_scale_never_passes_one_hundred():
    task = Contrastive(ContrastiveConfig(temperature=1e-4), small_model())
    assert task.scale.item() == pytest.approx(100)
    assert Contrastive(ContrastiveConfig(), small_model()).scale.item() == pytest.approx(1 / 0.07)


def test_similarity_is_shared_without_gradient(generator):
    model = small_model()
    task = Contrastive(ContrastiveConfig(width=8), model)
    batch = small_batch(5, text=[True, True, False, True, True])
    encoded = Encoded(model.encode(batch))
    task.loss(model, encoded, batch, generator)
    similarity = encoded.similarity["image", "text"]
    assert similarity.shape == (4, 4)
    assert not similarity.requires_grad


def test_metrics_name_both_directions():
    task = Contrastive(ContrastiveConfig(), small_model())
    image = torch.eye(3)
    figures = task.metrics({"image": image, "text": image[[0, 2, 1]]})
    assert figures["image_to_text/recall_at_1"] == pytest.approx(1 / 3)
    assert figures["text_to_image/median_rank"] == 3.0
