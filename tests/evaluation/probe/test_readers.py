"""The two readers of classes: by the nearest neighbours, and by a linear probe."""

import pytest
import torch

from sensorium.evaluation.probe import linear
from sensorium.evaluation.probe.linear import choose_penalty, draw_held_out, linear_classes
from sensorium.evaluation.probe.neighbours import TEMPERATURE, nearest_classes


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def clouds(count: int, generator: torch.Generator, spread: float = 0.3):
    """Three classes around three directions of ten: vectors [count, 10] and labels."""
    labels = torch.arange(count) % 3
    return torch.eye(10)[labels] + spread * torch.randn(count, 10, generator=generator), labels


def test_neighbours_vote_by_their_nearness():
    known = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.0, 1.0]])
    labels = torch.tensor([0, 1, 1, 2])
    asked = torch.tensor([[2.0, 0.1], [0.1, 3.0]])
    for k in (1, 2, 4, 100):
        similarity = torch.nn.functional.normalize(asked, dim=1) @ known.T
        expected = []
        for row in similarity:
            votes = torch.zeros(3)
            for i in row.argsort(descending=True)[:k]:
                votes[labels[i]] += (row[i] / TEMPERATURE).exp()
            expected.append(int(votes.argmax()))
        assert nearest_classes(known, labels, asked, 3, k).tolist() == expected


def test_length_is_nothing_to_a_neighbour(generator):
    known, labels = clouds(60, generator)
    asked, _ = clouds(30, generator)
    lengths = torch.rand(60, 1, generator=generator) + 0.1
    same = nearest_classes(known, labels, asked, 3)
    assert torch.equal(nearest_classes(lengths * known, labels, 7 * asked, 3), same)
    assert nearest_classes(known, labels, asked[:0], 3).shape == (0,)


@pytest.mark.parametrize("penalty", [1.0, 1e-3])
def test_the_linear_probe_is_logistic_regression(monkeypatch, generator, penalty):
    linear_model = pytest.importorskip("sklearn.linear_model")
    known, labels = clouds(90, generator, spread=0.8)
    asked, _ = clouds(300, generator, spread=0.8)
    monkeypatch.setattr(linear, "choose_penalty", lambda *_: penalty)
    ours = linear_classes(known, labels, asked, 3, generator)
    mean, deviation = known.mean(dim=0), known.std(dim=0, correction=0)
    theirs = linear_model.LogisticRegression(C=1 / (penalty * len(known)), tol=1e-8, max_iter=2000)
    theirs.fit(((known - mean) / deviation).numpy(), labels.numpy())
    named = torch.from_numpy(theirs.predict(((asked - mean) / deviation).numpy()))
    assert (ours == named).double().mean() > 0.99


def test_scale_and_place_of_a_dimension_change_nothing(generator):
    known, labels = clouds(60, generator, spread=0.8)
    asked, _ = clouds(60, generator, spread=0.8)
    scale, shift = 10 ** torch.randn(10, generator=generator), torch.randn(10, generator=generator)

    def named(known, asked):
        return linear_classes(known, labels, asked, 3, torch.Generator().manual_seed(0))

    assert torch.equal(named(known * scale + shift, asked * scale + shift), named(known, asked))


def test_a_dimension_that_never_changes_is_no_harm(generator):
    known, labels = clouds(60, generator)
    known[:, 4] = 3.0
    assert (linear_classes(known, labels, known, 3, generator) == labels).all()


def test_noise_asks_for_a_larger_penalty_than_what_is_clear(generator):
    clear, labels = clouds(60, generator, spread=0.05)
    noise = torch.randn(60, 10, generator=generator)
    kept = [choose_penalty(x.double(), labels, 3, generator) for x in (clear, noise)]
    assert kept[0] < kept[1]


def test_some_of_every_class_is_held_out_but_never_all(generator):
    labels = torch.tensor([0] * 20 + [1] * 3 + [2])
    held_out = draw_held_out(labels, generator)
    assert [int(held_out[labels == c].sum()) for c in range(3)] == [4, 1, 0]


def test_one_label_of_each_class_is_enough_to_answer(generator):
    known, labels = clouds(3, generator, spread=0.0)
    asked, answers = clouds(60, generator, spread=0.05)
    assert (linear_classes(known, labels, asked, 3, generator) == answers).double().mean() > 0.9
