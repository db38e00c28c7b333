"""The figure from sums over pictures is COCO's, and that of drawn pictures is theirs."""

import pytest
import torch

from sensorium.evaluation.intervals import intervals
from sensorium.tasks import average_precision
from sensorium.tasks.average_precision import map_50_tally
from sensorium.tasks.mean_average_precision import coco_figures

CLASSES = ["a", "b", "c"]


def pictures(count, seed=0):
    """Boxes, and as found most of them, moved, some twice, some nowhere."""
    draw = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.rand(*shape, generator=draw)

    found, truth = [], []
    for _ in range(count):
        boxes = random(int(random(1) * 8), 2) * 80
        boxes = torch.cat([boxes, boxes + 8 + 20 * random(len(boxes), 2)], dim=1)
        labels = (random(len(boxes), 1) * 2.2).floor()
        truth.append(torch.cat([boxes, labels, (random(len(boxes), 1) > 0.9).float()], dim=1))
        seen = torch.cat([boxes, boxes[: len(boxes) // 2], random(3, 4) * 40])
        seen = seen + 6 * (random(len(seen), 4) - 0.5)
        seen[:, 2:] = seen[:, 2:].maximum(seen[:, :2] + 1)
        named = torch.cat([labels, labels[: len(labels) // 2], (random(3, 1) * 3).floor()])
        rows = torch.cat([seen, named, random(len(seen), 1)], dim=1)
        found.append(rows[rows[:, 5].argsort(descending=True)])
    return found, truth


def coco(found, truth):
    where = [
        torch.arange(len(of)).repeat_interleave(torch.tensor(list(map(len, of))))
        for of in (found, truth)
    ]
    return coco_figures(
        torch.cat(found), where[0], torch.cat(truth), where[1], len(found), CLASSES
    )["map_50"]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_figure_of_coco(seed):
    found, truth = pictures(20, seed)
    tally = map_50_tally(torch.arange(20), found, truth, len(CLASSES))
    assert tally.figure == pytest.approx(coco(found, truth), abs=1e-6)


def test_of_drawn_pictures_it_is_what_coco_says_of_them():
    found, truth = pictures(12)
    tally = map_50_tally(torch.arange(12), found, truth, len(CLASSES))
    drawn = torch.randint(0, 12, (12,), generator=torch.Generator().manual_seed(1)).sort().values
    again = [[of[i] for i in drawn.tolist()] for of in (found, truth)]
    counts = drawn.bincount(minlength=12).double()
    figure = tally.formula(counts @ tally.terms).item()
    assert figure == pytest.approx(coco(*again), abs=0.02)  # COCO tells equal scores apart by order
    assert figure != pytest.approx(tally.figure, abs=0.001)


def test_with_few_bins_it_is_nearly_the_same(monkeypatch):
    found, truth = pictures(60)
    monkeypatch.setattr(average_precision, "BINS", 150)
    tally = map_50_tally(torch.arange(60), found, truth, len(CLASSES))
    assert tally.terms.shape == (60, 3 * (2 * 50 + 1))
    assert tally.figure == pytest.approx(coco(found, truth), abs=0.03)


def test_its_interval_lies_around_it():
    found, truth = pictures(30)
    tally = map_50_tally(torch.arange(30), found, truth, len(CLASSES))
    low, high = intervals({"map_50": tally})["map_50"]
    assert 0 < low < tally.figure < high < 1
    assert high - low < 0.4


def test_pictures_with_nothing_found_or_nothing_there():
    empty, box = torch.zeros(0, 6), torch.tensor([[0.0, 0, 9, 9, 0, 0.5]])
    there = torch.tensor([[0.0, 0, 9, 9, 0, 0]])
    rows = torch.arange(2)
    assert map_50_tally(rows, [empty, empty], [there, empty], 3).figure == 0
    assert map_50_tally(rows, [box, box], [there, empty], 3).figure == pytest.approx(1.0)
