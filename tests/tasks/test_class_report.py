import numpy as np
import pytest
import torch

from sensorium.tasks.class_report import ClassReport, report_of_one, report_of_several

NAMES = ["cat", "dog", "emu"]


def check(found: ClassReport, said: np.ndarray, truth: np.ndarray) -> None:
    """Every class counted by hand, from who is said to be one [K, C] and who is."""
    for c in range(len(NAMES)):
        right = (said[:, c] & truth[:, c]).sum()
        assert found.support[c] == truth[:, c].sum()
        assert found.precision[c] == pytest.approx(right / said[:, c].sum())
        assert found.recall[c] == pytest.approx(right / truth[:, c].sum())
        assert found.f1[c] == pytest.approx(2 * right / (said[:, c].sum() + truth[:, c].sum()))


def test_of_one_class_every_one_is_counted():
    truth, said = np.random.default_rng(0).integers(0, 3, (2, 40))
    found = report_of_one(NAMES, torch.tensor(said), torch.tensor(truth))
    check(found, *(of[:, None] == np.arange(3) for of in (said, truth)))
    assert found.confusion is not None
    for row in range(3):
        for column in range(3):
            count = ((truth == row) & (said == column)).sum()
            assert found.confusion[row, column] == count


def test_of_several_classes_every_one_is_counted():
    random = np.random.default_rng(0)
    truth, logits = random.uniform(size=(40, 3)) < 0.4, random.normal(size=(40, 3))
    found = report_of_several(
        NAMES, torch.tensor(logits).float(), torch.tensor(logits > 0), torch.tensor(truth)
    )
    check(found, logits > 0, truth)
    assert found.confusion is None
    assert found.average_precision is not None
    for c in range(3):
        ranked = truth[np.argsort(-logits[:, c]), c]
        precision = ranked.cumsum() / np.arange(1, 41)
        assert found.average_precision[c] == pytest.approx(precision[ranked].mean())


def test_what_never_came_has_no_figures():
    found = report_of_one(NAMES, torch.tensor([0, 0]), torch.tensor([0, 1]))
    assert found.support.tolist() == [1, 1, 0]
    assert found.precision.isnan().tolist() == [False, True, True]  # nobody was called a dog
    assert found.recall.isnan().tolist() == [False, False, True]
    assert found.f1[1] == 0
    none = torch.zeros(2, 3, dtype=torch.bool)
    several = report_of_several(NAMES, torch.zeros(2, 3), none, none)
    assert several.average_precision is not None
    assert several.average_precision.isnan().all()


def test_of_very_many_classes_no_pair_is_counted(monkeypatch):
    truth, said = torch.randint(0, 3, (2, 40), generator=torch.Generator().manual_seed(0))
    whole = report_of_one(NAMES, said, truth)
    monkeypatch.setattr("sensorium.tasks.class_report.MOST_CONFUSED", 2)
    found = report_of_one(NAMES, said, truth)
    assert found.confusion is None
    assert torch.equal(found.f1, whole.f1)
