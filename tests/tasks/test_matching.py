import pytest
import torch
from tests.conftest import small_batch, small_model

from sensorium.tasks.matching import Matching, MatchingConfig, draw_hard
from sensorium.tasks.task import Encoded


def test_negatives_are_drawn_by_similarity_and_never_the_right_one(generator):
    similarity = torch.tensor([[float("-inf"), 0.0, 9.0]]).expand(2000, 3)
    drawn = draw_hard(similarity, generator)
    assert (drawn != 0).all()
    expected = torch.softmax(torch.tensor([0.0, 9.0]), 0)[1].item()
    assert (drawn == 2).double().mean().item() == pytest.approx(expected, abs=0.01)


def test_a_row_without_any_wrong_partner_draws_instead_of_crashing(generator):
    assert draw_hard(torch.full((1, 3), float("-inf")), generator).item() in (0, 1, 2)


def test_every_sample_is_seen_with_its_own_and_two_wrong_partners(generator):
    model = small_model().eval()
    task = Matching(MatchingConfig(), model).eval()
    batch = small_batch(4)
    encoded = Encoded(model.encode(batch))
    encoded.similarity["image", "text"] = torch.eye(4).roll(1, dims=1) * 50
    predicted = task.predict(model, encoded, batch, generator)
    assert predicted["labels"].tolist() == [1] * 4 + [0] * 8
    image, text = encoded.encodings["image"], encoded.encodings["text"]
    own = torch.arange(4)
    harder_text, harder_image = own.roll(-1), own.roll(1)
    pairs = [(own, own), (own, harder_text), (harder_image, own)]
    expected = [task.score(model, image.rows(a), text.rows(b)) for a, b in pairs]
    torch.testing.assert_close(predicted["logits"], torch.cat(expected))


def test_a_share_of_the_samples_is_looked_at(generator):
    model = small_model()
    task = Matching(MatchingConfig(share=0.5), model)
    batch = task.prepare(small_batch(8), generator)
    assert task.count(batch) == 12


def test_one_sample_alone_has_no_wrong_partner(generator):
    task = Matching(MatchingConfig(), small_model())
    assert task.count(task.prepare(small_batch(1), generator)) == 0


def test_accuracy_weighs_matches_and_wrong_pairs_alike():
    task = Matching(MatchingConfig(), small_model())
    always_no = {"logits": -torch.ones(9), "labels": torch.tensor([1.0] * 3 + [0.0] * 6)}
    assert task.metrics(always_no)["accuracy"] == pytest.approx(0.5)
