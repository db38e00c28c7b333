"""Which places are to say which boxes."""

import pytest
import torch

from sensorium.tasks.assignment import TOP, assign, inside

PLACES = torch.tensor([[x + 0.5, y + 0.5] for y in range(8) for x in range(8)])
"""8 x 8 places, a pixel each."""


def around(places: torch.Tensor, reach: float) -> torch.Tensor:
    return torch.cat([places - reach, places + reach], dim=1)


def test_places_inside_or_the_nearest():
    boxes = torch.tensor([[[0.0, 0.0, 2.0, 2.0], [3.6, 3.6, 4.4, 4.4], [3.1, 3.0, 3.3, 3.2]]])
    found = inside(PLACES, boxes)[0]
    assert found[0].nonzero()[:, 0].tolist() == [0, 1, 8, 9]
    assert found[1].sum() == found[2].sum() == 1  # they hold no middle
    assert found[2].nonzero().item() == 8 * 2 + 2 or found[2].nonzero().item() == 8 * 3 + 3


def test_the_best_place_is_to_score_as_much_as_its_iou():
    boxes = torch.tensor([[[0.0, 0.0, 4.0, 4.0], [5.0, 5.0, 8.0, 8.0], [0.0, 0.0, 0.0, 0.0]]])
    labels, real = torch.tensor([[1, 0, -1]]), torch.tensor([[True, True, False]])
    scores = torch.rand(1, 64, 2, generator=torch.manual_seed(0))
    said = around(PLACES, 1.7)[None]
    given = assign(scores, said, PLACES, boxes, labels, real)
    assert set(given.box[0].tolist()) == {-1, 0, 1}
    for box in (0, 1):
        own = given.box[0] == box
        assert 0 < own.sum() <= TOP
        assert inside(PLACES, boxes)[0, box][own].all()
        alike = (given.score[0] > 0) & own
        from sensorium.tasks.boxes import iou_matrix

        most = iou_matrix(boxes[0, box : box + 1], said[0, own]).max()
        assert given.score[0, alike].max().item() == pytest.approx(most.item())
    assert not given.score[0, given.box[0] < 0].any()


def test_a_place_that_two_boxes_want_says_the_nearer_one():
    boxes = torch.tensor([[[0.0, 0.0, 8.0, 8.0], [2.0, 2.0, 4.0, 4.0]]])
    said = around(PLACES, 1.0)[None]  # just right for the second
    scores = torch.full((1, 64, 1), 0.5)
    labels, real = torch.zeros(1, 2, dtype=torch.long), torch.ones(1, 2, dtype=torch.bool)
    given = assign(scores, said, PLACES, boxes, labels, real)
    assert given.box[0].view(8, 8)[2:4, 2:4].flatten().tolist() == [1] * 4
    assert (given.box[0] == 0).any()


def test_without_boxes_all_is_background_and_what_is_not_there_says_nothing():
    labels, real = torch.full((1, 1), -1), torch.zeros(1, 1, dtype=torch.bool)
    said, scores = around(PLACES, 1.0)[None], torch.rand(1, 64, 2)
    nothing = assign(scores, said, PLACES, torch.zeros(1, 1, 4), labels, real)
    assert (nothing.box == -1).all()
    assert not nothing.score.any()
    usable = (PLACES[:, 0] < 4)[None]
    boxes = torch.tensor([[[2.0, 2.0, 6.0, 6.0]]])
    given = assign(scores, said, PLACES, boxes, labels * 0, ~real, usable)
    assert ((given.box >= 0) <= usable).all()
    assert (given.box >= 0).any()
