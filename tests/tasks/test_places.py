"""Which of the places that were told are right, and what single samples come to."""

import pytest
import torch
from tests.conftest import small_batch, small_mixture

from sensorium.tasks import TASKS
from sensorium.tasks.places import Locating, paired
from sensorium.tasks.task import Encoded

A, B, NEAR_A = [0.0, 0, 10, 10], [20.0, 20, 30, 30], [0.0, 0, 10, 8]


def boxes(*rows):
    return torch.tensor([[*box, label] for box, label in rows]).view(-1, 5)


@pytest.mark.parametrize(
    ("found", "truth", "right", "met", "score"),
    [
        ([(A, 0), (B, 1)], [(A, 0), (B, 1)], [True, True], [True, True], 1.0),
        ([(A, 1)], [(A, 0)], [False], [False], 0.0),  # another class
        ([(NEAR_A, 0), (A, 0)], [(A, 0)], [True, False], [True], 2 / 3),  # only one may have it
        ([(A, 0)], [(A, 0), (B, 0)], [True], [True, False], 2 / 3),
        ([], [(A, 0)], [], [False], 0.0),
        ([(A, 0)], [], [False], [], 0.0),
        ([], [], [], [], 1.0),
    ],
)
def test_pairs_of_found_and_true(found, truth, right, met, score):
    crowd = torch.zeros(len(truth), dtype=torch.bool)
    assert paired(boxes(*found), boxes(*truth), crowd) == (right, met, pytest.approx(score))


def test_a_crowd_need_not_be_found_and_what_lies_in_it_is_no_mistake():
    truth, crowd = boxes((A, 0), (B, 0)), torch.tensor([False, True])
    assert paired(boxes((A, 0)), truth, crowd)[2] == 1
    right, _, score = paired(boxes((A, 0), (B, 0), (B, 0)), truth, crowd)
    assert right == [True, True, True]
    assert score == 1


@pytest.mark.parametrize("name", ["detection", "grounding"])
def test_every_task_with_places_says_them_of_single_samples(name):
    mixture = small_mixture(name).eval()
    task = mixture.tasks[name]
    assert isinstance(task, Locating)
    batch = small_batch(4, image=[True, False, True, True])
    encoded = Encoded(mixture.model.encode(batch))
    predictions = task.predict(mixture.model, encoded, batch, torch.Generator())
    located = task.located(predictions)
    assert [one.row for one in located] == [0, 2, 3]
    for one in located:
        assert 0 <= one.score <= 1
        assert one.true
        assert all(len(place.box) == 4 for place in (*one.told, *one.true))


def test_no_other_task_says_places():
    others = [small_mixture(name).tasks[name] for name in TASKS if name.startswith("c")]
    assert not any(isinstance(task, Locating) for task in others)
