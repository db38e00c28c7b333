"""Two models on the same samples: exact tests, how often they cry wolf, and what is no pair."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest

from sensorium.evaluation.paired import Judged, differences, mcnemar, swapped
from sensorium.tasks.tally import Tally, mean_of

NAME = "classification/accuracy"


def judged(values, name: str = NAME, order=None) -> Judged:
    """A model with one figure, the mean of some values."""
    values = torch.as_tensor(values)
    ids = [f"test.jsonl:{n + 1}" for n in range(len(values))]
    if order is not None:
        ids, values = [ids[n] for n in order], values[torch.tensor(order)]
    return Judged({name: mean_of(torch.arange(len(values)), values)}, ids)


def test_the_exact_p_is_twice_the_tail():
    for only_a, only_b in [(3, 12), (12, 3), (0, 5), (7, 7)]:
        tail = 2 * binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)
        assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, tail))
        assert mcnemar(only_a, only_b) == binomtest(only_a, only_a + only_b).pvalue
    assert mcnemar(0, 0) == 1.0


def test_who_has_more_right_is_better():
    a = torch.arange(100) < 60
    b = torch.arange(100) < 80
    (found,), left_out = differences(judged(a), judged(b), [NAME])
    assert (found.only_a, found.only_b, found.test) == (0, 20, "McNemar")
    assert found.difference == pytest.approx(0.2)
    assert found.better == "b"
    low, high = found.interval
    assert 0.1 < low < 0.2 < high < 0.3
    assert not left_out
    (back,), _ = differences(judged(b), judged(a), [NAME])
    assert back.better == "a"
    assert back.p == found.p


def test_samples_are_paired_by_their_ids_in_whatever_order():
    random = np.random.default_rng(0)
    a, b = random.uniform(size=(2, 50)) < 0.6
    (plain,), _ = differences(judged(a), judged(b), [NAME])
    (mixed,), _ = differences(judged(a), judged(b, order=random.permutation(50)), [NAME])
    assert (mixed.only_a, mixed.only_b, mixed.p) == (plain.only_a, plain.only_b, plain.p)
    assert mixed.interval == pytest.approx(plain.interval, abs=0.03)


def test_every_swap_of_few_samples_is_as_likely():
    """Against all 2^8 swaps, counted one by one."""
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 8))
    b += 0.8
    apart = b - a
    every = [abs((apart * signs).mean()) for signs in product([1, -1], repeat=8)]
    exact = np.mean(np.array(every) >= abs(apart.mean()) - 1e-9)
    of_a, of_b = (mean_of(torch.arange(8), torch.from_numpy(x)) for x in (a, b))
    assert swapped(of_a, of_b, draws=20_000) == pytest.approx(exact, abs=0.01)


def test_an_error_is_better_the_lower_it_is():
    random = np.random.default_rng(0)
    a = random.uniform(1, 2, 60)
    name = "regression/mae"
    b = a - random.uniform(0, 1, 60)
    (found,), _ = differences(judged(a, name), judged(b, name), [name])
    assert found.test == "permutation"
    assert found.p < 0.01
    assert found.better == "b"
    low, high = found.interval
    assert -0.7 < low < found.difference < high < -0.3


def test_models_that_are_alike_are_seldom_called_different():
    random = np.random.default_rng(0)
    called = 0
    for _ in range(60):
        scores = random.exponential(size=(2, 40))
        (found,), _ = differences(*(judged(of, "a/cider") for of in scores), ["a/cider"])
        called += found.better is not None
    assert called <= 7  # 5 % are 3; more than 7 come once in a hundred times


def test_many_figures_are_no_reason_to_find_one():
    """A p of 0.03 is one of twenty, as chance gives it."""
    a, b = torch.zeros(100, dtype=torch.bool), torch.zeros(100, dtype=torch.bool)
    a[:3], b[3:15] = True, True
    rows = torch.arange(100)
    ids = [str(n) for n in range(100)]
    names = [f"question_answering/accuracy_of_{n}" for n in range(20)]
    same = mean_of(rows, torch.arange(100) < 50)
    of_a = Judged(dict.fromkeys(names, same) | {names[0]: mean_of(rows, a)}, ids)
    of_b = Judged(dict.fromkeys(names, same) | {names[0]: mean_of(rows, b)}, ids)
    (alone,), _ = differences(of_a, of_b, names[:1])
    assert alone.better == "b"
    among, _ = differences(of_a, of_b, names)
    assert among[0].p == alone.p
    assert among[0].adjusted == pytest.approx(20 * alone.p)
    assert all(one.better is None for one in among)
    assert among[1].p == 1.0


def test_what_is_no_pair_is_left_out_with_its_reason():
    a, b = judged(torch.ones(5).bool()), judged(torch.ones(4).bool())
    found, left_out = differences(a, b, [NAME])
    assert not found
    assert left_out == {NAME: "it is of 5 samples and of 4, which share 4"}
    words = mean_of(torch.tensor([0, 0, 1]), torch.ones(3))
    others = mean_of(torch.tensor([0, 1, 1]), torch.ones(3))
    _, left_out = differences(Judged({"m": words}, ["x", "y"]), Judged({"m": others}, "xy"), ["m"])
    assert "asked different questions" in left_out["m"]
    wide = Tally(torch.arange(2), torch.ones(2, 4).double(), lambda sums: sums[..., 0])
    _, left_out = differences(Judged({"m": words}, ["x", "y"]), Judged({"m": wide}, "xy"), ["m"])
    assert "different parts" in left_out["m"]
