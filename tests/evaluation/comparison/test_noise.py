"""The test agrees with the textbook's, keeps its promise on pure noise, and finds what is there."""

import math

import numpy as np
import pytest
from scipy import stats

from sensorium.evaluation.comparison.noise import interval, measure_noise

RANDOM = np.random.default_rng(0)


def test_of_two_variants_it_is_the_paired_t_test():
    a, b = RANDOM.normal(size=(2, 6)) + RANDOM.normal(size=6)
    noise = measure_noise(np.stack([a, b]))
    assert noise.freedom == 5
    assert noise.chance(a.mean() - b.mean()) == pytest.approx(
        stats.ttest_rel(a, b).pvalue, abs=1e-9
    )
    half = stats.t.ppf(0.975, 5) * (a - b).std(ddof=1) / 6**0.5
    assert noise.least == pytest.approx(half)


def test_without_what_seeds_have_in_common_it_is_tukeys_test():
    figures = RANDOM.normal(size=(3, 400))  # with so many seeds, their own means take nothing away
    ours = measure_noise(figures).chance(figures[0].mean() - figures[1].mean())
    theirs = stats.tukey_hsd(*figures).pvalue[0, 1]
    assert ours == pytest.approx(theirs, abs=0.02)


def test_what_a_seed_does_to_all_variants_alike_is_no_noise():
    figures = RANDOM.normal(size=(4, 3))
    shifted = figures + 100 * RANDOM.normal(size=3)
    before, after = measure_noise(figures), measure_noise(shifted)
    assert after.deviation == pytest.approx(before.deviation)
    assert after.least == pytest.approx(before.least)


def test_pure_noise_is_taken_for_a_difference_in_five_percent_of_cases():
    """Of the best and the worst of nine variants that are all alike."""
    widest, least = [], []
    for _ in range(400):
        figures = RANDOM.normal(size=(9, 3)) + 3 * RANDOM.normal(size=3)
        means = figures.mean(axis=1)
        widest.append(means.max() - means.min())
        noise = measure_noise(figures)
        least.append(noise.deviation)
    # the quantile depends on the shape alone
    factor = noise.least / noise.deviation
    wrong = np.mean(np.array(widest) > factor * np.array(least))
    assert 0.025 < wrong < 0.08


def test_training_sets_that_overlap_widen_everything():
    figures = RANDOM.normal(size=(2, 4))
    alone, overlapping = measure_noise(figures), measure_noise(figures, overlap=0.25)
    assert overlapping.least == pytest.approx(2**0.5 * alone.least)
    low, high = interval(figures[0], overlap=0.25)
    narrow_low, narrow_high = interval(figures[0])
    assert high - low == pytest.approx(2**0.5 * (narrow_high - narrow_low))


def test_the_interval_is_students():
    figures = RANDOM.normal(size=5)
    expected = stats.t.interval(0.95, 4, figures.mean(), stats.sem(figures))
    assert interval(figures) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_one_seed_or_one_variant_tells_nothing(shape):
    noise = measure_noise(RANDOM.normal(size=shape))
    assert noise.least == math.inf
    assert noise.told_least is None
    assert noise.chance(1.0) == 1.0
    assert interval(np.ones(1)) is None


def test_figures_without_any_noise():
    same = measure_noise(np.array([[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]]))
    assert same.least == pytest.approx(0.0, abs=1e-12)
    assert same.chance(0.0) == 1.0
    assert same.chance(0.2) == 0.0
