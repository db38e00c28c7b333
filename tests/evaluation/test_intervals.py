"""Bootstrap intervals: against scipy's, by how often they hold, and where draws tell nothing."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from sensorium.evaluation.intervals import bca_interval, drawn_figures, in_blocks, intervals
from sensorium.tasks.class_figures import macro_f1
from sensorium.tasks.tally import Tally, mean_of, ratio, tally


def by_hand(truth: np.ndarray, said: np.ndarray) -> float:
    """Macro F1, class by class."""
    of_classes = [
        2 * ((truth == c) & (said == c)).sum() / ((truth == c).sum() + (said == c).sum())
        for c in np.union1d(truth, said)
    ]
    return float(np.mean(of_classes))


def rows(samples: int) -> torch.Tensor:
    return torch.arange(samples)


def test_the_interval_is_scipys():
    values = np.random.default_rng(0).exponential(size=60)  # skewed, so that BCa differs
    (found,) = intervals({"mae": mean_of(rows(60), torch.from_numpy(values))}).values()
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.04)
    plain = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found[1] - plain.high > 0.02


def test_what_is_no_mean_is_scipys_too():
    random = np.random.default_rng(0)
    said, truth = random.normal(size=(2, 80))
    errors = torch.from_numpy(said - truth).square()
    of_root = tally(rows(80), errors, torch.ones(80), formula=lambda sums: ratio(sums).sqrt())
    (found,) = intervals({"rmse": of_root}).values()
    expected = stats.bootstrap(
        (said, truth),
        lambda a, b, axis: np.sqrt(((a - b) ** 2).mean(axis=axis)),
        paired=True,
        vectorized=True,
        n_resamples=10_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.03)


@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
def test_nineteen_of_twenty_intervals_hold(share):
    random = torch.Generator().manual_seed(0)
    held = 0
    for _ in range(200):
        right = torch.rand(100, generator=random) < share
        low, high = intervals({"accuracy": mean_of(rows(100), right)}, seed=1)["accuracy"]
        held += low <= share <= high
    assert 0.90 <= held / 200 <= 0.99


def test_items_of_a_sample_are_drawn_together():
    """Ten words of each of 50 texts, all right or all wrong, tell no more than 50 would."""
    right = torch.arange(50) % 2 == 0
    texts = intervals({"a": mean_of(rows(50), right)})["a"]
    words = intervals({"a": mean_of(rows(50).repeat(10), right.repeat(10))})["a"]
    assert words == pytest.approx(texts)
    apart = intervals({"a": mean_of(rows(500), right.repeat(10))})["a"]
    assert apart[1] - apart[0] < 0.5 * (words[1] - words[0])


@pytest.mark.parametrize("right", [True, False])
def test_where_all_are_alike_the_interval_is_exact(right):
    found = intervals({"accuracy": mean_of(rows(12), torch.full((12,), right))})["accuracy"]
    edge = 1 - 0.025 ** (1 / 12)
    assert found == pytest.approx((1 - edge, 1.0) if right else (0.0, edge))


def test_what_cannot_be_told_has_none():
    one = mean_of(rows(1), torch.tensor([True]))
    constant = mean_of(rows(5), torch.full((5,), 2.5))
    never = tally(rows(5), torch.zeros(5), torch.zeros(5))
    assert intervals({"one": one, "constant": constant, "never": never}) == {}


def test_the_same_samples_have_the_same_interval_whoever_stands_beside_them():
    own = mean_of(rows(40), torch.rand(40, generator=torch.Generator().manual_seed(0)))
    alone = intervals({"a": own}, seed=3)
    beside = intervals({"b": mean_of(rows(40), torch.arange(40) < 9), "a": own}, seed=3)
    assert list(beside) == ["b", "a"]
    assert beside["a"] == pytest.approx(alone["a"])
    assert intervals({"a": own}, seed=4) != alone


def test_a_drawn_f1_is_that_of_the_samples_drawn():
    """Every draw of the sums, looked at through one that is redone by hand."""
    random = np.random.default_rng(0)
    truth, said = random.integers(0, 3, (2, 30))
    classes = torch.arange(3)
    of_f1 = macro_f1(rows(30), *(torch.tensor(x)[:, None] == classes for x in (said, truth)))
    assert of_f1.figure == pytest.approx(by_hand(truth, said))
    (drawn,) = drawn_figures([of_f1], seed=7, draws=4)
    again = np.random.default_rng(7).integers(0, 30, (4, 30), dtype=np.int32)
    for figure, which in zip(drawn, again, strict=True):
        assert figure == pytest.approx(by_hand(truth[which], said[which]))


def test_draws_without_a_figure_are_left_out():
    """The only sample that counts is missing from a third of the draws."""
    counts = torch.tensor([1.0, 0, 0])
    low, high = intervals({"a": tally(rows(3), counts * 2, counts)}).get("a", (2.0, 2.0))
    assert (low, high) == (2.0, 2.0)
    assert bca_interval(Tally(rows(3), torch.zeros(3, 2).double(), ratio), np.array([])) is None
    assert math.isnan(Tally(rows(3), torch.zeros(3, 2).double(), ratio).figure)


def test_of_very_many_samples_blocks_are_drawn(monkeypatch):
    """The same interval, but for chance; and every sample is in one block."""
    own = mean_of(rows(6000), torch.rand(6000, generator=torch.Generator().manual_seed(0)))
    single = intervals({"a": own})["a"]
    monkeypatch.setattr("sensorium.evaluation.intervals.MOST_DRAWN", 1000)
    blocks = in_blocks(own.terms)
    assert blocks.shape == (1000, 2)
    assert (blocks[:, 1] == 6).all()
    torch.testing.assert_close(blocks.sum(dim=0), own.terms.sum(dim=0))
    assert intervals({"a": own})["a"] == pytest.approx(single, abs=0.001)
    assert single[1] - single[0] == pytest.approx(2 * 1.96 * 0.2887 / 6000**0.5, rel=0.1)
