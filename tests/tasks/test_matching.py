import pytest
import torch
from tests.conftest import small_batch, small_model
from tests.tasks.three import batch_of_three, model_of_three

from sensorium.tasks.matching import LOOKED_AT, Matching, MatchingConfig, draw_hard
from sensorium.tasks.task import Encoded

PAIR = ("image", "text")


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
    encoded.embeddings |= {"image": torch.eye(4), "text": torch.eye(4).roll(1, dims=0) * 50}
    predicted = task.predict(model, encoded, batch, generator)
    assert predicted["labels"].tolist() == [1] * 4 + [0] * 8
    image, text = encoded.encodings["image"], encoded.encodings["text"]
    own = torch.arange(4)
    harder_text, harder_image = own.roll(-1), own.roll(1)
    pairs = [(own, own), (own, harder_text), (harder_image, own)]
    expected = [
        task.score(model, PAIR, {"image": image.rows(a), "text": text.rows(b)}) for a, b in pairs
    ]
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
    always_no = {
        "logits": -torch.ones(9),
        "labels": torch.tensor([1.0] * 3 + [0.0] * 6),
        "pair": torch.zeros(9),
    }
    assert task.metrics(always_no) == {"accuracy": pytest.approx(0.5)}


def test_more_pairs_are_not_looked_at_more_often(generator):
    task = Matching(MatchingConfig(), model_of_three())
    batch = task.prepare(batch_of_three(60), generator)
    assert task.count(batch) == 3 * 60
    assert batch.targets[LOOKED_AT].unique().tolist() == [0, 1, 2]
    shared = Matching(MatchingConfig(share=0.5), model_of_three())
    assert shared.count(shared.prepare(batch_of_three(60), generator)) == pytest.approx(90, abs=6)


def test_every_sample_is_looked_at_in_a_pair_that_it_has(generator):
    task = Matching(MatchingConfig(pairs=[("image", "text"), ("audio", "text")]), model_of_three())
    image = [True] * 10 + [False] * 10
    audio = [False] * 10 + [True] * 9 + [False]
    looked_at = task.prepare(batch_of_three(20, image=image, audio=audio), generator).targets
    assert looked_at[LOOKED_AT].tolist() == [0] * 10 + [1] * 9 + [-1]


def test_a_pair_with_a_single_sample_is_left_out(generator):
    model = model_of_three().eval()
    task = Matching(MatchingConfig(), model).eval()
    batch = task.prepare(batch_of_three(4, audio=[True] + [False] * 3), generator)
    assert batch.targets[LOOKED_AT].tolist() == [0] * 4
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    assert predicted["pair"].tolist() == [0] * 12


def test_every_pair_has_its_accuracy_and_all_have_their_mean(generator):
    model = model_of_three().eval()
    task = Matching(MatchingConfig(), model).eval()
    batch = task.prepare(batch_of_three(6), generator)
    figures = task.metrics(task.predict(model, Encoded(model.encode(batch)), batch, generator))
    names = ("image_and_text", "image_and_audio", "text_and_audio")
    assert figures.keys() == {"accuracy", *(f"{name}/accuracy" for name in names)}
    mean = sum(figures[f"{name}/accuracy"] for name in names) / 3
    assert figures["accuracy"] == pytest.approx(mean)


def test_the_loss_of_several_pairs_trains_every_head(generator):
    model = model_of_three()
    task = Matching(MatchingConfig(), model)
    batch = task.prepare(batch_of_three(12), generator)
    task.loss(model, Encoded(model.encode(batch)), batch, generator).total.backward()
    assert all(head.weight.grad is not None for head in task.heads.values())
