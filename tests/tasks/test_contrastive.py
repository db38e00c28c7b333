import pytest
import torch
from tests.conftest import small_batch, small_model
from tests.tasks.three import batch_of_three, model_of_three

from sensorium.batch import Batch, Inputs
from sensorium.tasks.contrast import contrast
from sensorium.tasks.contrastive import Contrastive, ContrastiveConfig
from sensorium.tasks.pairs import both_present, comparable_keys, same_items
from sensorium.tasks.task import Encoded


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
    assert comparable_keys(batch, "image").tolist() == [0, 0, 0, 0]
    keys = torch.stack([comparable_keys(batch, m)[[0, 2, 3]] for m in batch.inputs], dim=1)
    same = same_items(keys, keys)
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]


def test_the_scale_never_passes_one_hundred():
    pair = ("image", "text")
    task = Contrastive(ContrastiveConfig(temperature=1e-4), small_model())
    assert task.scale(pair).item() == pytest.approx(100)
    task = Contrastive(ContrastiveConfig(), small_model())
    assert task.scale(pair).item() == pytest.approx(1 / 0.07)


def test_every_pair_learns_a_bias_where_each_two_are_judged_alone(generator):
    model = model_of_three()
    task = Contrastive(ContrastiveConfig(width=8, loss="sigmoid", bias=-3.0, chunk=2), model)
    assert [task.bias(pair).item() for pair in task.pairs] == [-3] * 3
    assert task.scale(task.pairs[0]).item() == pytest.approx(10)
    batch = batch_of_three(6)
    task.loss(model, Encoded(model.encode(batch)), batch, generator).total.backward()
    assert (task.biases.grad != 0).all()
    softmax = Contrastive(ContrastiveConfig(width=8), model)
    assert [softmax.bias(pair).item() for pair in softmax.pairs] == [0] * 3
    assert not hasattr(softmax, "biases")


def test_similarity_is_shared_without_gradient(generator):
    model = small_model()
    task = Contrastive(ContrastiveConfig(width=8), model)
    batch = small_batch(5, text=[True, True, False, True, True])
    encoded = Encoded(model.encode(batch))
    task.loss(model, encoded, batch, generator)
    both = torch.tensor([0, 1, 3, 4])
    similarity = encoded.similarity(("image", "text"), both, both)
    assert not similarity.requires_grad
    u, v = (task.embed(m, encoded.encodings[m])[both] for m in ("image", "text"))
    assert torch.equal(similarity, u @ v.T)
    assert torch.equal(encoded.similarity(("text", "image"), both[:1], both), v[:1] @ u.T)
    assert encoded.similarity(("image", "audio"), both, both) is None


PAIRS = [("image", "text"), ("audio", "text")]


def test_every_pair_of_the_model_is_contrasted_unless_some_are_named():
    model = model_of_three()
    every = Contrastive(ContrastiveConfig(), model)
    assert every.pairs == (("image", "text"), ("image", "audio"), ("text", "audio"))
    named = Contrastive(ContrastiveConfig(pairs=[("audio", "text")]), model)
    assert (named.pairs, named.modalities) == ((("audio", "text"),), ("text", "audio"))
    assert set(named.project.keys()) == {"text", "audio"}


def test_the_loss_of_several_pairs_is_the_sum_of_each_ones(generator):
    model = model_of_three()
    task = Contrastive(ContrastiveConfig(width=8, pairs=PAIRS), model)
    batch = batch_of_three(
        6, image=[True] * 4 + [False] * 2, audio=[False] * 2 + [True] * 3 + [False]
    )
    assert task.count(batch) == 4 + 3
    encoded = Encoded(model.encode(batch))
    whole = task.loss(model, encoded, batch, generator).total
    alone = 0.0
    for pair in PAIRS:
        rows = both_present(batch.inputs, pair)
        u, v = (task.embed(m, encoded.encodings[m])[rows] for m in pair)
        keys = torch.stack([comparable_keys(batch, m)[rows] for m in pair], dim=1)
        alone += contrast(
            "softmax", u, v, torch.arange(len(rows)), keys, task.scale(pair), task.bias(pair)
        )[0]
    torch.testing.assert_close(whole, alone)
    whole.backward()
    assert (task.log_scales.grad != 0).all()


def test_pairs_that_nobody_has_are_left_out(generator):
    model = model_of_three()
    task = Contrastive(ContrastiveConfig(width=8), model)
    batch = batch_of_three(4).without("audio")
    task.loss(model, Encoded(model.encode(batch)), batch, generator).total.backward()
    assert task.project["audio"].weight.grad is None
    assert (task.log_scales.grad != 0).tolist() == [True, False, False]
    nobody = batch_of_three(4, image=[False] * 4, text=[False] * 4)
    assert task.count(nobody) == 0
    assert not task.can_predict(nobody)


@torch.no_grad()
def test_two_modalities_that_were_no_pair_are_compared_too(generator):
    model = model_of_three().eval()
    task = Contrastive(ContrastiveConfig(pairs=PAIRS), model).eval()
    batch = batch_of_three(6, text=[True] * 3 + [False] * 3)
    predicted = task.predict(model, Encoded(model.encode(batch)), batch, generator)
    found = task.retrievals(predicted)
    assert [(one.direction, len(one.query_rows)) for one in found] == [
        ("image_to_text", 3),
        ("text_to_image", 3),
        ("image_to_audio", 6),
        ("audio_to_image", 6),
        ("text_to_audio", 3),
        ("audio_to_text", 3),
    ]
    assert "image_to_audio/recall_at_1" in task.metrics(predicted)
    assert task.can_predict(batch.without("text"))
    assert task.count(batch.without("text")) == 0


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("text", "text")], "two different modalities in a pair, got text twice"),
        ([("image", "text"), ("text", "image")], "the pair of text and image is named twice"),
        ([], "at least 1 item"),
        ([("image", "text", "audio")], "at most 2 items"),
    ],
)
def test_pairs_are_two_different_modalities_named_once(pairs, said):
    with pytest.raises(ValueError, match=said):
        ContrastiveConfig(pairs=pairs)
