"""Boxes against plain arithmetic in double precision, one box at a time."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sensorium.tasks.boxes import area, generalised_iou, iou, iou_matrix, suppress

SIDE = st.integers(0, 40)
BOX = st.tuples(SIDE, SIDE, st.integers(1, 30), st.integers(1, 30)).map(
    lambda n: (n[0], n[1], n[0] + n[2], n[1] + n[3])
)


def naive(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float]:
    """IoU and GIoU."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    common = width * height
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - common
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return common / both, common / both - (around - both) / around


@given(a=BOX, b=BOX)
def test_against_plain_arithmetic(a, b):
    one, other = torch.tensor([a]).double(), torch.tensor([b]).double()
    expected = naive(a, b)
    assert iou(one, other).item() == pytest.approx(expected[0])
    assert iou_matrix(one, other).item() == pytest.approx(expected[0])
    assert generalised_iou(one, other).item() == pytest.approx(expected[1])
    assert iou(one, one).item() == generalised_iou(one, one).item() == 1
    assert -1 < generalised_iou(one, other).item() <= iou(one, other).item() + 1e-12


def test_what_is_far_apart_still_has_a_gradient():
    box = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
    far = torch.tensor([[10.0, 0.0, 12.0, 2.0]])
    assert iou(box, far).item() == 0
    generalised_iou(box, far).sum().backward()
    assert box.grad[0, 2] > 0  # to reach further to the right brings it nearer
    assert area(torch.tensor([[3.0, 3.0, 1.0, 9.0]])).item() == 0


def naive_suppress(boxes, scores, labels, most):
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept = []
    for i in order:
        near = [j for j in kept if labels[j] == labels[i] and naive(boxes[i], boxes[j])[0] > most]
        if not near:
            kept.append(i)
    return kept


@given(
    boxes=st.lists(BOX, max_size=12),
    seed=st.integers(0, 99),
    most=st.sampled_from([0.1, 0.3, 0.5, 0.9]),
)
def test_suppression_against_the_plain_loop(boxes, seed, most):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 6, (len(boxes),), generator=draw) / 5  # some are equal
    labels = torch.randint(0, 2, (len(boxes),), generator=draw)
    found = suppress(torch.tensor(boxes).double().view(-1, 4), scores, labels, most)
    assert found.tolist() == naive_suppress(boxes, scores.tolist(), labels.tolist(), most)


def test_suppression_of_boxes_of_another_class_leaves_them():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0]] * 3)
    scores, labels = torch.tensor([0.2, 0.9, 0.5]), torch.tensor([0, 1, 0])
    assert suppress(boxes, scores, labels, 0.5).tolist() == [1, 2]
    assert math.isclose(iou_matrix(boxes, boxes).min().item(), 1)
